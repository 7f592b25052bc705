"""`python -m collector.go_lint`: gofmt on the repository's Go code, and go vet on the collector's own modules."""

import os
import subprocess
import sys
from pathlib import Path

from collector.build import FOLDER, MANIFEST, BuildError, find_go, own_modules

CODE = (FOLDER, FOLDER.parent / "tests")


def main() -> int:
    """Print what is wrong and return the exit code. Without Go nothing is checked, and that is wrong in CI only."""
    try:
        go = find_go()
    except BuildError as error:
        sys.stderr.write(f"Go code is not checked: {error}\n")
        return 1 if os.environ.get("CI") else 0
    unformatted = _output([str(go.with_name("gofmt")), "-l", *map(str, CODE)], FOLDER)
    vetted = [
        _output([str(go), "vet", "./..."], module) for module in own_modules(MANIFEST.read_text(encoding="utf-8"))
    ]
    found = "".join([f"not as gofmt writes it:\n{unformatted}" if unformatted else "", *vetted])
    sys.stderr.write(found)
    return 1 if found else 0


def _output(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "GOFLAGS": "-mod=readonly"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    failed = f"{' '.join(command)} failed with {done.returncode}\n" if done.returncode else ""
    return done.stdout + done.stderr + failed


if __name__ == "__main__":
    raise SystemExit(main())
