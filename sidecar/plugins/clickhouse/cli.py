"""The commands that the ClickHouse sink brings to `python -m sidecar`: its database and its dead letters."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from sidecar.plugin import Command
from sidecar.plugins.clickhouse.settings import ClickHouseSettings


def _migrate(_given: argparse.Namespace, settings: ClickHouseSettings, _data: Path) -> int:
    from sidecar.plugins.clickhouse.fill import fill_at
    from sidecar.plugins.clickhouse.migrate import migrate

    applied = migrate(settings.url.get_secret_value())
    asyncio.run(fill_at(settings.url.get_secret_value()))
    for migration in applied:
        print(f"applied {migration.version:04} {migration.name}")
    if not applied:
        print("the database is up to date")
    return 0


def _dead_letters(_given: argparse.Namespace, settings: ClickHouseSettings, _data: Path) -> int:
    from sidecar.plugins.clickhouse.dead_letters import dead_letter_groups

    groups = dead_letter_groups(settings.url.get_secret_value())
    for group in groups:
        span = f"{group.oldest:%Y-%m-%d %H:%M} to {group.newest:%Y-%m-%d %H:%M} UTC"
        name = ascii(group.event_name)[1:-1][:80] or "a log without a name"  # a stranger's text, on a terminal
        print(f"{group.letters:8}  {group.reason}  ({name}, {span})")
    print(f"{sum(group.letters for group in groups)} dead letters" if groups else "there are no dead letters")
    return 0


def _replay(given: argparse.Namespace, settings: ClickHouseSettings, _data: Path) -> int:
    from sidecar.plugins.clickhouse.replay import replay_with
    from sidecar.registry import load

    own, chosen, *_ = load()
    outcome = asyncio.run(replay_with(settings.url.get_secret_value(), own, chosen, reason=given.reason))
    print(f"{outcome.stored} dead letters are stored now and deleted from dead_letters")
    for why, letters in sorted(outcome.staying.items()):
        print(f"{letters} still can't be stored and stay: {why}")
    return 1 if outcome.staying else 0


def _forget_batches(_given: argparse.Namespace, settings: ClickHouseSettings, _data: Path) -> int:
    from sidecar.plugins.clickhouse.deduplication import forget

    # SIGTERM ends it as Ctrl-C does: no table may stay as it is in between
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    tables = forget(settings.url.get_secret_value())
    print(f"batches that were stored before are stored again when they are sent again ({', '.join(tables)})")
    return 0


def _replay_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", default="", help="only those with this reason, as dead-letters lists it")


COMMANDS = (
    Command("migrate", "create or update the tables in ClickHouse, then end", _migrate),
    Command("dead-letters", "list records that could not be stored, by reason", _dead_letters),
    Command("forget-batches", "after a DELETE: store the same batches again when they are sent again", _forget_batches),
    Command("replay", "send dead letters again, after what was wrong is mended", _replay, _replay_arguments),
)
