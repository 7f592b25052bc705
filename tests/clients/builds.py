"""Programs of other languages that tests run: built once for their sources, and kept outside the repository.

`python -m tests.clients.builds` builds all of them; without it the quick ones are built by the first test that asks.
"""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from collector.build import BuildError, build, find_go
from tests.tools import lacking, need
from web.build import node_modules

HERE = Path(__file__).parent
EXPORTER = HERE / "clickhouse_exporter" / "manifest.yaml"
GO_VERSIONS = ("go.mod", "clickhouse-go-2.43.mod", "clickhouse-go-2.30.mod")


def go_program(folder: Path, modules: str = "go.mod") -> Path:
    """The program of a folder, with the versions in a file of modules beside its own. Needs Go only to build it."""
    sums = modules.removesuffix(".mod") + ".sum"
    sources = [folder / name for name in ("main.go", "go.mod", modules, sums)]
    return _kept(folder.name, sources, lambda target: _build_go(folder, modules, target))


def java_libraries(folder: Path) -> Path:
    """The folder with the libraries that a folder's pom.xml names. Needs Maven only to fetch them."""
    return _kept(folder.name, [folder / "pom.xml"], lambda target: _fetch_java(folder, target))


def _kept(name: str, sources: list[Path], make: Callable[[Path], None]) -> Path:
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = cache / "chattrail" / name.replace("_", "-") / digest
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix="building-") as work:
            made = Path(work) / kept.name
            make(made)
            if not kept.exists():  # another test process may have been quicker
                made.replace(kept)
    return kept


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
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"


def main() -> None:
    """Build all."""
    build(print, EXPORTER)
    for modules in GO_VERSIONS:
        go_program(HERE / "clickhouse_go", modules)
    go_program(HERE.parent / "compose_check")
    java_libraries(HERE / "clickhouse_jdbc")
    node_modules(HERE / "clickhouse_js")


if __name__ == "__main__":
    main()
