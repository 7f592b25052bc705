"""`python -m sidecar`: run the receiver and its plugins, and what an operator needs beside it: database, dead letters, pictures."""

import argparse
import asyncio
import logging
import os
import signal
import sys

from common.private_files import keep_files_private
from common.settings import SettingsError, exit_with
from sidecar.errors import Permanent, Retryable, StartError
from sidecar.pipeline.plugin_thread import leave_stuck_threads
from sidecar.registry import load_settings
from sidecar.server import serve


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 wrong settings."""
    parser = argparse.ArgumentParser(prog="python -m sidecar", description=__doc__)
    parser.add_argument("--plugins-dir", metavar="DIR", help="folder of plugin files, each exposing FACTORY")
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings; environment variables win over it")
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("run", help="receive OTLP and run the plugins (the default)")
    commands.add_parser("migrate", help="create or update the tables in ClickHouse, then end")
    commands.add_parser("plugins", help="list the plugins there are, which are loaded, and their settings")
    commands.add_parser("dead-letters", help="list records that could not be stored, by reason")
    commands.add_parser("forget-batches", help="after a DELETE: store the same batches again when they are sent again")
    again = commands.add_parser("replay", help="send dead letters again, after what was wrong is mended")
    again.add_argument("--reason", default="", help="only those with this reason, as dead-letters lists it")
    _images_arguments(
        commands.add_parser("images", help="pictures: how the queue stands, try failed ones again, erase")
    )
    given = parser.parse_args(arguments)
    keep_files_private()
    if given.plugins_dir is not None:
        os.environ["CHATTRAIL_SIDECAR_PLUGINS_DIR"] = given.plugins_dir
    if given.config is not None:
        os.environ["CHATTRAIL_SIDECAR_CONFIG"] = given.config
    _without_data_frames()
    try:
        if given.command == "replay":
            return _replay(given.reason)
        if given.command == "images":
            return _images(given)
        chosen = {
            "run": _run,
            "migrate": _migrate,
            "plugins": _plugins,
            "dead-letters": _dead_letters,
            "forget-batches": _forget_batches,
        }
        return chosen[given.command or "run"]()
    except SettingsError as error:
        exit_with(error)
    except (StartError, Retryable, Permanent) as error:
        print(f"sidecar: {error}", file=sys.stderr)
        return 1


def _without_data_frames() -> None:
    """Tell the driver that there are no data frames here, or it loads pandas: findings/clickhouse-connect-loads-pandas.sh."""
    from clickhouse_connect.driver import options

    for package in ("np", "pd", "arrow", "pl"):
        setattr(options, package, None)


def _run() -> int:
    settings, chosen = load_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("httpx", "httpcore", "clickhouse_connect"):  # they log addresses, which may hold secrets
        logging.getLogger(chatty).setLevel(logging.ERROR)
    if sys.platform == "win32":  # uvloop is not built for it; asyncio's own loop only is slower
        asyncio.run(serve(settings, chosen))
    else:
        import uvloop

        uvloop.run(serve(settings, chosen))
    leave_stuck_threads(logging.getLogger("sidecar"), 0)
    return 0


def _clickhouse_url() -> str:
    from sidecar.plugins.clickhouse.settings import ClickHouseSettings

    _, [(_, config)] = load_settings({**os.environ, "CHATTRAIL_SIDECAR_PLUGINS": "clickhouse"})
    assert isinstance(config, ClickHouseSettings)
    return config.url.get_secret_value()


def _dead_letters() -> int:
    from sidecar.plugins.clickhouse.dead_letters import dead_letter_groups

    found = dead_letter_groups(_clickhouse_url())
    for pile in found:
        span = f"{pile.oldest:%Y-%m-%d %H:%M} to {pile.newest:%Y-%m-%d %H:%M} UTC"
        name = ascii(pile.event_name)[1:-1][:80] or "a log without a name"  # a stranger's text, on a terminal
        print(f"{pile.letters:8}  {pile.reason}  ({name}, {span})")
    print(f"{sum(pile.letters for pile in found)} dead letters" if found else "there are no dead letters")
    return 0


def _replay(reason: str) -> int:
    from sidecar.plugins.clickhouse.replay import replay_with

    settings, chosen = load_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    outcome = asyncio.run(replay_with(_clickhouse_url(), settings, chosen, reason=reason))
    print(f"{outcome.stored} dead letters are stored now and deleted from dead_letters")
    for why, letters in sorted(outcome.staying.items()):
        print(f"{letters} still can't be stored and stay: {why}")
    return 1 if outcome.staying else 0


def _images_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="images", metavar="command", required=True)
    commands.add_parser("status", help="how many pictures wait, are stored, failed and why")
    retry = commands.add_parser("retry", help="try failed pictures again")
    retry.add_argument("--reason", default="", help="only those whose reason holds this text, as status lists it")
    retry.add_argument("--no-wait", action="store_true", help="do not wait until they have ended")
    purge = commands.add_parser("purge", help="erase pictures from the store and the spool; a tombstone stays")
    which = purge.add_mutually_exclusive_group(required=True)
    which.add_argument("--user", default="", metavar="ID", help="every picture of this person")
    which.add_argument("--event", default="", metavar="UUID", help="the picture of this event")


def _images(given: argparse.Namespace) -> int:
    from sidecar.plugins.images import cli
    from sidecar.plugins.images.config import ImagesConfig

    settings, [(_, config)] = load_settings({**os.environ, "CHATTRAIL_SIDECAR_PLUGINS": "images"})
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    assert isinstance(config, ImagesConfig)
    return cli.run(given, config, settings.data / "images")


def _migrate() -> int:
    from sidecar.plugins.clickhouse.migrate import migrate

    applied = migrate(_clickhouse_url())
    for migration in applied:
        print(f"applied {migration.version:04} {migration.name}")
    if not applied:
        print("the database is up to date")
    return 0


def _forget_batches() -> int:
    from sidecar.plugins.clickhouse.deduplication import forget

    # SIGTERM ends it as Ctrl-C does: no table may stay as it is in between
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    tables = forget(_clickhouse_url())
    print(f"batches that were stored before are stored again when they are sent again ({', '.join(tables)})")
    return 0


def _plugins() -> int:
    from sidecar.plugins_cli import listing

    for line in listing(os.environ):
        print(line)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
