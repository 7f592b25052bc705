"""`python -m collector`: build OpenTelemetry's collector as Chattrail needs it, find it, check its files, run it."""

import argparse
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

from collector.build import BuildError, build, find
from collector.settings import CollectorSettings
from common.net import why_taken
from common.private_files import keep_files_private
from common.settings import SettingsError, exit_with

FOLDER = Path(__file__).parent
CONFIG = FOLDER.parent / "otel-config.yaml"
PORTS = (("host", "grpc_port"), ("host", "http_port"), ("status_host", "health_port"), ("status_host", "metrics_port"))


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 wrong settings."""
    parser = argparse.ArgumentParser(prog="python -m collector", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    commands.add_parser("build", help="build the binary into the user's cache, once for each manifest.yaml")
    commands.add_parser("where", help="print the path of the binary; exit code 1 when there is none")
    for name, what in (("validate", "check the configuration files"), ("run", "run the collector in the foreground")):
        command = commands.add_parser(name, help=what)
        command.add_argument(
            "--config",
            action="append",
            type=Path,
            default=[],
            metavar="FILE",
            help="a file to use instead of otel-config.yaml; may be given again, later files win",
        )
    options = parser.parse_args(arguments)
    try:
        if options.command == "build":
            signal.signal(signal.SIGTERM, _end)
            build(partial(print, flush=True))
            return 0
        settings = CollectorSettings.load()
        binary = find(settings.otelcol)
        if options.command == "where":
            print(binary)
            return 0
        command_line, environment = command_of(binary, settings, options.config)
        if options.command == "validate":
            validate = [command_line[0], "validate", *command_line[1:]]
            done = subprocess.run(validate, env=environment, check=False)  # noqa: S603
            if done.returncode == 0:
                print("valid:", *(file.removeprefix("--config=") for file in command_line[1:]))
            return 1 if done.returncode else 0
        _refuse_taken_ports(settings)
        keep_files_private()
        os.execve(command_line[0], command_line, environment)  # noqa: S606 - a signal to this process reaches the collector
    except SettingsError as error:
        exit_with(error)
    except (BuildError, OSError) as error:
        print(f"collector: {error}", file=sys.stderr)
        return 1


def command_of(binary: Path, settings: CollectorSettings, configs: list[Path]) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment that run the collector with these settings."""
    files = [*(configs or [CONFIG]), *settings.feed_files()]
    if settings.token is not None:
        files.append(FOLDER / "token.yaml")
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"there is no configuration file {file}")
    return [str(binary), *(f"--config={file}" for file in files)], {**os.environ, **settings.environment()}


def _end(*_: object) -> None:
    """End as by Ctrl-C: what was started is stopped and what lies in the build's folder removed."""
    raise SystemExit(128 + signal.SIGTERM)


def _refuse_taken_ports(settings: CollectorSettings) -> None:
    """The collector would end with a stack of messages; one that names the variable helps more."""
    variables = dict(zip(type(settings).model_fields, type(settings).variables(), strict=True))
    for host_field, port_field in PORTS:
        host, port = getattr(settings, host_field), getattr(settings, port_field)
        if reason := why_taken(host, port):
            raise OSError(f"can't listen on {host}:{port} ({reason}): change {variables[port_field]}")


if __name__ == "__main__":
    raise SystemExit(main())
