"""What the process that holds the engine can't do any more, asked from inside it, each with the same attempt unconfined."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import landlockpy
import pytest

from sidecar.embedded.confinement import LEAST_ABI
from tests.support.confined_process import DONE
from tests.support.embedded import EmbeddedClickHouse, ask
from tests.support.paths import ROOT
from tests.support.tools import lacking

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")

CANARY = "CANARY-51c0"
REPORT = re.compile(r"confined by the operating system: (?P<standing>[^;\n]*)(; NOT confined: (?P<missing>.*))?")


@dataclass(frozen=True, slots=True)
class Seen:
    """What came out of one process."""

    result: dict[str, Any]
    ending: str
    log: str
    outside: Path
    inner: Path

    def standing(self) -> set[str]:
        found = REPORT.search(self.log)
        assert found, self.log
        return {name.split(" ")[0] for name in found["standing"].split(", ")}


def need_landlock() -> None:
    """Skip a test of files, by name, where the kernel has no Landlock that would do; in CI it fails."""
    try:
        abi, reason = landlockpy.abi_version(), ""
    except landlockpy.LandlockError as error:
        abi, reason = 0, f": {error.strerror}"
    if abi < LEAST_ABI:
        lacking(f"this kernel has no Landlock, or it is too old or switched off (ABI {abi} of {LEAST_ABI}){reason}")


def try_all(folder: Path, mode: str) -> Seen:
    outside = folder / "outside"
    (outside / "victims").mkdir(parents=True)
    for number in range(4):
        (outside / "victims" / str(number)).touch()
    (outside / "canary").write_text(CANARY)
    server = EmbeddedClickHouse(folder)
    server.data.mkdir()
    (server.data / "canary").write_text(CANARY)
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(outside / "socket"))
        unix.listen()
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.support.confined_process",
                mode,
                str(outside),
                str(listener.getsockname()[1]),
            ],
            cwd=ROOT,
            env=server.environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    printed, ending = done.stdout.splitlines()
    return Seen(json.loads(printed), ending, done.stderr, outside, server.data / "canary")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Seen]]:
    with ThreadPoolExecutor(2) as pool:
        modes = ("confined", "open")
        runs = [pool.submit(try_all, tmp_path_factory.mktemp(mode), mode) for mode in modes]
        yield {mode: run.result() for mode, run in zip(modes, runs, strict=True)}


def test_nothing_is_refused_to_a_process_that_gave_nothing_up(seen: dict[str, Seen]) -> None:
    result = seen["open"].result
    assert set(result["main"].values()) | set(result["thread"].values()) == {DONE}
    assert len(result["main"]) > 20
    assert "confined" not in seen["open"].log
    assert seen["open"].ending == "became another program"
    del result["calls"]["io_uring_setup"]  # a kernel may have it switched off for all
    assert "EPERM" not in result["calls"].values()


def test_what_stands_is_refused_on_every_thread_and_the_engine_runs(seen: dict[str, Seen]) -> None:
    confined = seen["confined"]
    standing = confined.standing()
    for where in ("main", "thread"):
        through = {
            name for name, became in confined.result[where].items() if became not in ("EACCES", "EPERM", "EXDEV")
        }
        assert not {name for name in through if name.partition("_")[0] in standing}
    assert confined.result["engine"]
    if "programs" in standing:
        assert confined.ending == "refused to become another program"
        assert set(confined.result["calls"].values()) == {"EPERM"}


def test_no_attempt_left_a_trace(seen: dict[str, Seen]) -> None:
    confined = seen["confined"]
    need_landlock()
    assert "files" in confined.standing()
    assert confined.inner.read_text() == CANARY
    assert (confined.outside / "canary").read_text() == CANARY
    assert sorted(path.name for path in confined.outside.iterdir()) == ["canary", "socket", "victims"]
    assert len(list((confined.outside / "victims").iterdir())) == 4


def test_the_engines_own_threads_are_confined(tmp_path: Path) -> None:
    """With its plain configuration, in which everybody may read files: the kernel is asked alone."""
    need_landlock()
    canary = tmp_path / "canary"
    canary.write_text(CANARY)
    for mode in ("confined", "open"):
        folder = tmp_path / mode
        folder.mkdir()
        program = (
            "import os, sys; from pathlib import Path; from sidecar.embedded.confinement import confine\n"
            f"folder = Path({str(folder)!r}); os.chdir(folder); os.environ['TMPDIR'] = str(folder)\n"
            f"if {mode == 'confined'}: confine([folder], [])\n"
            f"import chdb; connection = chdb.connect(str(folder))\n"
            f"print(connection.query(\"SELECT * FROM file('{canary}', 'LineAsString')\", 'TSV').bytes().decode())\n"
        )
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert (CANARY in done.stdout) is (mode == "open"), done.stderr
        if mode == "confined":
            assert "Permission denied" in done.stderr or "PERMISSION" in done.stderr


def test_every_thread_of_a_running_server_is_under_the_filter(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path) as server, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ask(server, "SELECT sum(number) FROM numbers_mt(10000000)"), range(8)))
        assert "programs (seccomp), network (seccomp)" in "".join(server.log)
        threads = [status.read_text() for status in Path(f"/proc/{server.pid}/task").glob("*/status")]
    assert len(threads) > 10
    for name, value in (("Seccomp", 2), ("NoNewPrivs", 1)):
        assert {re.search(rf"^{name}:\s*(\d)", status, re.M)[1] for status in threads} == {str(value)}  # type: ignore[index]


# As a container's own filter does: (calls that fail, with what, what is said then)
WITHOUT = {
    "Landlock": (["landlock_create_ruleset"], "ENOSYS", ["programs (seccomp)", "NOT confined: files (this kernel has no"]),
    "Landlock refused": (["landlock_create_ruleset"], "EPERM", ["programs (seccomp)", "NOT confined: files (Landlock: "]),
    "seccomp": (["seccomp", "prctl"], "EINVAL", ["files (Landlock", "programs (Landlock)", "NOT confined: network beyond TCP"]),
}  # fmt: skip
RUN_WITHOUT = """
import errno, os, sys, pyseccomp as s
rules = s.SyscallFilter(s.ALLOW)
for name in sys.argv[2].split(","):
    only = [s.Arg(0, s.EQ, 22)] if name == "prctl" else []  # PR_SET_SECCOMP
    rules.add_rule(s.ERRNO(getattr(errno, sys.argv[1])), name, *only)
rules.load()
os.execv(sys.executable, [sys.executable, "-m", "sidecar.embedded"])
"""


@pytest.mark.parametrize("lacks", WITHOUT)
def test_a_server_runs_without_and_says_so(lacks: str, tmp_path: Path) -> None:
    calls, error, said = WITHOUT[lacks]
    if lacks == "seccomp":  # Landlock is what stands then
        need_landlock()
    program = (sys.executable, "-c", RUN_WITHOUT, error, ",".join(calls))
    with EmbeddedClickHouse(tmp_path, program=program) as server:
        assert ask(server, "SELECT 1").text == "1\n"
        line = next(line for line in server.log if "confined by the operating system" in line)
    assert " WARNING " in line
    assert [part for part in said if part not in line] == [], line


def test_the_passwords_are_in_no_file_of_the_process(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path) as server:
        shown = [path.read_bytes() for path in Path(f"/proc/{server.pid}").glob("task/*/environ")]
        assert len(shown) > 10
        assert all(b"CHATTRAIL_EMBEDDED_PASSWORD=***" in environ for environ in shown)
        for password in (server.password, server.readonly_password):
            assert not [environ for environ in shown if password.encode() in environ]
        assert ask(server, "SELECT 1", user="readonly").text == "1\n"


def test_a_configuration_in_the_working_directory_is_not_the_servers(tmp_path: Path) -> None:
    """The engine would read a file of this name there when it is imported, whosever it is, and fail."""
    (tmp_path / "config.xml").write_text("another program's, and no XML")
    with EmbeddedClickHouse(tmp_path, cwd=tmp_path) as server:
        assert ask(server, "SELECT 1").text == "1\n"
