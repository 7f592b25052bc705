"""Embedded ClickHouse without some of what protects it, so that a sweep tests the rest.

    python -m tests.support.sweep.server confinement,guard

`confinement` is what the operating system refuses, `guard` the check of statements, `grants` the engine's own rights of
`default`. Settings come as for `python -m sidecar.embedded`.
"""

import contextlib
import re
import sys
from pathlib import Path
from unittest import mock

from sidecar.embedded import __main__ as program
from sidecar.embedded import config
from sidecar.embedded.guard.check import Checker
from sidecar.embedded.settings import EmbeddedSettings

WRITE = config.write


def main(without: frozenset[str]) -> int:
    """Run the server; the exit code."""
    with contextlib.ExitStack() as stack:
        if "confinement" in without:
            stack.enter_context(mock.patch.object(program, "confined"))
        if "guard" in without:
            stack.enter_context(mock.patch.object(Checker, "statement"))
            stack.enter_context(mock.patch.object(Checker, "tree"))
        if "grants" in without:
            stack.enter_context(mock.patch.object(config, "write", _write_with_every_right))
        return program.main()


def _write_with_every_right(settings: EmbeddedSettings, folder: Path) -> Path:
    main = WRITE(settings, folder)
    users = folder / "users.xml"
    rights = "<everything><grants><query>GRANT ALL ON *.*</query></grants></everything>"
    text, count = re.subn("<everything>.*</everything>", rights, users.read_text(), flags=re.S)
    assert count == 1
    users.write_text(text)
    return main


if __name__ == "__main__":
    sys.exit(main(frozenset(sys.argv[1].split(","))))
