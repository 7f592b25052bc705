"""The image archiver: fetches the images that events tell of and keeps each once in a store."""

import argparse

from sidecar.plugin import Command, Factory, imported_on_call
from sidecar.plugins.images.settings import ImagesSettings


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


_RUN = imported_on_call("sidecar.plugins.images.cli:run")
FACTORY = Factory(
    name="images",
    config=ImagesSettings,
    build=imported_on_call("sidecar.plugins.images.plugin:ImageArchiver"),
    required=True,
    commands=(Command("images", "images: how the queue stands, try failed ones again, erase", _RUN, _arguments),),
)
