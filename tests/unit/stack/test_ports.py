"""A start that finds its ports taken says by what, and what to do."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.ports import require_free_ports
from stack.process import Service, StackError

LISTEN = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
input()
"""


@pytest.fixture
def listening(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """A process that listens, run as `python -m <module> demo` as the launcher is; its port and process id."""
    (tmp_path / f"{request.param}.py").write_text(LISTEN)
    process = subprocess.Popen(
        [sys.executable, "-m", request.param, "demo"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
        process.communicate("\n")


def refusal(**ports: int) -> str:
    with pytest.raises(StackError) as caught:
        require_free_ports([Service("web", "Dashboard", [], {}, 0, ports=ports)])
    return str(caught.value)


@pytest.mark.parametrize("listening", ["stack"], indirect=True)
def test_a_demo_is_named_with_how_to_end_it(listening: tuple[int, int]) -> None:
    port, pid = listening
    said = refusal(CHATTRAIL_WEB_PORT=port)
    assert f"Port {port} for Dashboard is taken by `make demo` (process {pid}): " in said
    assert f"end that first (Ctrl-C, or `kill {pid}`), or set CHATTRAIL_WEB_PORT to a free port." in said


@pytest.mark.parametrize("listening", ["other"], indirect=True)
def test_another_program_is_named_too(listening: tuple[int, int]) -> None:
    port, pid = listening
    assert f"(process {pid}): stop that, or set A to a free port." in refusal(A=port)


def test_each_taken_port_has_a_line_also_those_beside_the_main_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        first, second = one.getsockname()[1], two.getsockname()[1]
        lines = refusal(A=first, B=second).splitlines()
        assert [line.partition(" for ")[0] for line in lines] == [f"Port {first}", f"Port {second}"]
        assert all(f"(process {os.getpid()})" in line for line in lines)
        monkeypatch.setattr("psutil.net_connections", lambda _: [])  # of another user's program the system says nothing
        assert f"Port {first} for Dashboard is taken: stop what listens there, or set A" in refusal(A=first)
    require_free_ports([Service("web", "Dashboard", [], {}, 0, ports={"A": first})])
