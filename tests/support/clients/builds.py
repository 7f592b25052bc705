"""Programs of other languages that tests run: built once for their sources, and kept outside the repository.

`python -m tests.support.clients.builds` builds all of them; without it the quick ones are built by the first test that asks.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from collector.build import BuildError, build, find_go
from tests.support.tools import lacking, need
from web import build as web_build

HERE = Path(__file__).parent
EXPORTER = HERE / "clickhouse_exporter" / "manifest.yaml"
GO_VERSIONS = ("go.mod", "clickhouse-go-2.43.mod", "clickhouse-go-2.30.mod")


def go_program(folder: Path, modules: str = "go.mod") -> Path:
    """The program of a folder, with the versions in a file of modules beside its own. Needs Go only to build it."""
    sums = modules.removesuffix(".mod") + ".sum"
    sources = [folder / name for name in ("main.go", "go.mod", modules, sums)]
    return kept(folder.name, sources, lambda target: _build_go(folder, modules, target))


def java_libraries(folder: Path) -> Path:
    """The folder with the libraries that a folder's pom.xml names. Needs Maven only to fetch them."""
    return kept(folder.name, [folder / "pom.xml"], lambda target: _fetch_java(folder, target))


def node_modules(folder: Path) -> Path:
    """The npm packages that a folder's lockfile names."""
    try:
        return web_build.node_modules(folder)
    except web_build.BuildError as error:
        lacking(f"no packages for {folder.name}: {error}")


def kept(name: str, sources: list[Path], make: Callable[[Path], None]) -> Path:
    """Return what `make` puts into a folder or file, from the cache if the sources are the same."""
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    target = cache / "chattrail" / name.replace("_", "-") / digest
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="building-") as work:
            made = Path(work) / target.name
            make(made)
            if not target.exists():  # another test process may have been quicker
                made.replace(target)
    return target


def _build_go(folder: Path, modules: str, target: Path) -> None:
    try:
        go = find_go()
    except BuildError as error:
        lacking(f"no Go for {folder.name}: {error}")
    _run([str(go), "build", f"-modfile={modules}", "-o", str(target), "."], folder)


def _fetch_java(folder: Path, target: Path) -> None:
    maven = need("mvn", package="maven")
    _run([maven, "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={target}"], folder)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:  # without a network there is no module to build from
        lacking(f"{folder.name} could not be built by {' '.join(command)}:\n{done.stdout}{done.stderr}")


def main() -> int:
    """Build all; what can't be is named, and its tests are skipped for that. Return the exit code."""
    failed = 0
    builds: tuple[Callable[[], object], ...] = (
        lambda: build(print, EXPORTER),
        *(partial(go_program, HERE / "clickhouse_go", modules) for modules in GO_VERSIONS),
        partial(go_program, HERE.parent / "compose_check"),
        partial(java_libraries, HERE / "clickhouse_jdbc"),
        partial(node_modules, HERE / "clickhouse_js"),
    )
    for what in builds:
        try:
            what()
        except (BuildError, pytest.skip.Exception, pytest.fail.Exception) as error:
            failed += 1
            print(f"clients: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
