"""The image archiver: fetches the images that events tell of and keeps each once in a store."""

import argparse
from pathlib import Path

from sidecar.plugin import Command, Context, Factory, Plugin
from sidecar.plugins.images.settings import ImagesSettings


def _build(config: ImagesSettings, context: Context) -> Plugin:
    from sidecar.plugins.images.plugin import ImageArchiver  # its clients load only when the plugin is used

    return ImageArchiver(config, context)


def _arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="images", metavar="command", required=True)
    commands.add_parser("status", help="how many images wait, are stored, failed and why")
    retry = commands.add_parser("retry", help="try failed images again")
    retry.add_argument("--reason", default="", help="only those whose reason holds this text, as status lists it")
    retry.add_argument("--no-wait", action="store_true", help="do not wait until they have ended")
    purge = commands.add_parser("purge", help="erase images from the store and the spool; a tombstone stays")
    which = purge.add_mutually_exclusive_group(required=True)
    which.add_argument("--user", default="", metavar="ID", help="every image of this person")
    which.add_argument("--event", default="", metavar="UUID", help="the image of this event")


def _run(given: argparse.Namespace, config: ImagesSettings, data: Path) -> int:
    from sidecar.plugins.images import cli

    return cli.run(given, config, data)


FACTORY = Factory(
    name="images",
    config=ImagesSettings,
    build=_build,
    required=True,
    commands=(Command("images", "images: how the queue stands, try failed ones again, erase", _run, _arguments),),
)
