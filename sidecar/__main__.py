"""`python -m sidecar`: run the receiver and its plugins, and what an operator needs beside it: database, dead letters, images."""

import argparse
import asyncio
import logging
import os
import sys

from common.log_format import log_to_stderr
from common.private_files import keep_files_private
from common.settings import SettingsError, exit_with
from sidecar.errors import PermanentError, RetryableError, StartError
from sidecar.pipeline.plugin_thread import leave_stuck_threads
from sidecar.plugins_cli import plugin_lines
from sidecar.registry import BUILTINS, choose, load
from sidecar.server import serve
from sidecar.settings import SidecarSettings

# libraries that log addresses, which may hold secrets
CHATTY = ("httpx", "httpcore", "clickhouse_connect")


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 wrong settings."""
    parser = argparse.ArgumentParser(prog="python -m sidecar", description=__doc__)
    parser.add_argument("--plugins-dir", metavar="DIR", help="folder of plugin files, each exposing FACTORY")
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings; environment variables win over it")
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("run", help="receive OTLP and run the plugins (the default)")
    commands.add_parser("plugins", help="list the plugins there are, which are loaded, and their settings")
    offered = {command.name: (factory, command) for factory in choose(BUILTINS) for command in factory.commands}
    for _, command in offered.values():
        command.arguments(commands.add_parser(command.name, help=command.help))
    given = parser.parse_args(arguments)
    keep_files_private()
    for variable in ("plugins_dir", "config"):
        if (value := getattr(given, variable)) is not None:
            os.environ[f"CHATTRAIL_SIDECAR_{variable.upper()}"] = value
    _without_data_frames()
    try:
        if given.command in offered:
            factory, command = offered[given.command]
            settings, [(_, config)], *_ = load({**os.environ, "CHATTRAIL_SIDECAR_PLUGINS": factory.name})
            _log(settings)
            return command.run(given, config, settings.data / factory.name)
        if given.command == "plugins":
            print(*plugin_lines(os.environ), sep="\n")
            return 0
        return _run()
    except SettingsError as error:
        exit_with(error)
    except (StartError, RetryableError, PermanentError) as error:
        print(f"sidecar: {error}", file=sys.stderr)
        return 1


def _without_data_frames() -> None:
    """Tell the driver that there are no data frames here, or it loads pandas: findings/clickhouse-connect-loads-pandas.sh."""
    from clickhouse_connect.driver import options

    for package in ("np", "pd", "arrow", "pl"):
        setattr(options, package, None)


def _log(settings: SidecarSettings) -> None:
    log_to_stderr(settings.log_level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)


def _run() -> int:
    settings, chosen, *_ = load()
    _log(settings)
    if sys.platform == "win32":  # uvloop is not built for it; asyncio's own loop only is slower
        asyncio.run(serve(settings, chosen))
    else:
        import uvloop

        uvloop.run(serve(settings, chosen))
    leave_stuck_threads(logging.getLogger("sidecar"), 0)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
