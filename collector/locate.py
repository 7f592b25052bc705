"""Find the collector's binary: the one that is named, the one that was built, the one on PATH."""

import os
import shutil
from pathlib import Path

from collector.build import BINARY, cached_binary


class NotFoundError(Exception):
    """There is no collector binary; the message says how to get one."""


def find(named: Path | None = None) -> Path:
    """Path of the binary. `named` is CHATTRAIL_OTELCOL, which must hold if it is given. Raises NotFoundError."""
    if named is not None:
        if not (named.is_file() and os.access(named, os.X_OK)):
            raise NotFoundError(f"CHATTRAIL_OTELCOL is {named}, which is not a program that can be run")
        return named.absolute()
    built = cached_binary()
    if built.exists():
        return built
    on_path = shutil.which(BINARY)
    if on_path:
        return Path(on_path)
    raise NotFoundError(
        f"there is no collector binary: build it with `make collector` (Go is needed, and a few minutes), name one "
        f"with CHATTRAIL_OTELCOL, or put {BINARY} on PATH"
    )
