"""Compose's own loader as a program: checks a compose file as `docker compose` would, schema, variables, references."""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from collector.build import BuildError, find_go
from tests.tools import lacking

HERE = Path(__file__).parent
SOURCES = [HERE / name for name in ("main.go", "go.mod", "go.sum")]


def program() -> Path:
    """The program, built once for its sources and kept outside the repository. Needs Go only for that."""
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in SOURCES)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = cache / "chattrail" / "compose-check" / digest
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix="building-") as work:
            built = Path(work) / kept.name
            _run([str(_go()), "build", "-o", str(built), "."])
            built.replace(kept)
    return kept


def check(compose_file: Path, env_file: Path) -> tuple[list[str], str]:
    """Load a compose file with a .env and return the names of its services and the complaint; one of them is empty."""
    done = subprocess.run([program(), compose_file, env_file], env={}, capture_output=True, text=True, timeout=60)
    return (done.stdout.split(), "") if done.returncode == 0 else ([], done.stderr)


def _go() -> Path:
    try:
        return find_go()
    except BuildError as error:
        lacking(f"no Go for compose's own check: {error}")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
