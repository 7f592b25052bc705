"""Embedded ClickHouse without some of what protects it, so that a sweep tests the rest.

    python -m tests.support.sweep.server confinement,guard

`confinement` is what the operating system refuses, `guard` the check of statements, `grants` the engine's own rights of
`default`. Settings come as for `python -m sidecar.embedded`.
"""

import contextlib
import sys
from unittest import mock

from sidecar.embedded import __main__ as program
from sidecar.embedded import config
from sidecar.embedded.guard.check import Checker


def main(without: frozenset[str]) -> int:
    """Run the server; the exit code."""
    with contextlib.ExitStack() as stack:
        if "confinement" in without:
            stack.enter_context(mock.patch.object(program, "confined"))
        if "guard" in without:
            stack.enter_context(mock.patch.object(Checker, "statement"))
            stack.enter_context(mock.patch.object(Checker, "tree"))
        if "grants" in without:
            stack.enter_context(mock.patch.object(config, "EVERYTHING", ("GRANT ALL ON *.*",)))
        return program.main()


if __name__ == "__main__":
    sys.exit(main(frozenset(sys.argv[1].split(","))))
