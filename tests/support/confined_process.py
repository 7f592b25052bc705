"""The embedded server's process with its engine, asked from inside what it may still do.

    python -m tests.support.confined_process confined|open <outside folder> <port of a listener>

Settings come as CHATTRAIL_EMBEDDED_*. It starts as `python -m sidecar.embedded` does, `open` without giving anything up,
tries each of ATTEMPTS on the main thread and on another one, and prints JSON: what became of each. Last, it tries to
become another program.
"""

import contextlib
import ctypes
import errno
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sidecar.embedded.__main__ import confined
from sidecar.embedded.engine import Engine
from sidecar.embedded.settings import EmbeddedSettings
from sidecar.embedded.startup import forget_passwords

DONE = "done"
CLONE_FLAGS = 17  # SIGCHLD: a process of its own
SYSTEM_CALLS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "pidfd_getfd": (438, 438),
    "io_uring_setup": (425, 425),
}


class Attempts:
    """What is tried: a method each. `outside` is a folder that is not the server's, `data` the server's own."""

    def __init__(self, outside: Path, data: Path, port: int) -> None:
        self._outside, self._data, self._port = outside, data, port
        self._canary = outside / "canary"
        self._inner = data / "canary"

    def all(self) -> dict[str, Callable[[], object]]:
        """Name and attempt."""
        names = (name for name in vars(type(self)) if name.startswith(("files_", "programs_", "network_")))
        return {name: getattr(self, name) for name in names}

    def files_read(self) -> None:
        self._canary.read_text()

    def files_read_beside_config_and_parts(self) -> None:
        self._inner.read_text()

    def files_overwrite_beside_config_and_parts(self) -> None:
        self._inner.write_text("changed")

    def files_list(self) -> None:
        list(self._outside.iterdir())

    def files_list_root(self) -> None:
        list(Path("/").iterdir())

    def files_overwrite(self) -> None:
        with self._canary.open("r+") as file:
            file.write("CANARY")

    def files_truncate(self) -> None:
        os.truncate(self._canary, 1000)

    def files_create(self) -> None:
        (self._outside / f"made-{os.urandom(4).hex()}").touch()

    def files_make_folder(self) -> None:
        (self._outside / f"made-{os.urandom(4).hex()}").mkdir()

    def files_move_out(self) -> None:
        own = self._own()
        own.rename(self._outside / own.name)

    def files_link_in(self) -> None:
        (self._data / "engine" / f"link-{os.urandom(4).hex()}").hardlink_to(self._canary)

    def files_read_by_symbolic_link(self) -> None:
        link = self._data / "engine" / f"link-{os.urandom(4).hex()}"
        link.symlink_to(self._canary)
        try:
            link.read_text()
        finally:
            link.unlink()

    def files_change_configuration(self) -> None:
        with (self._data / "users.xml").open("a") as file:
            file.write(" ")

    def files_environment_of_this_process(self) -> None:
        Path("/proc/self/environ").read_bytes()

    def files_threads_of_another_process(self) -> None:
        Path(f"/proc/{os.getppid()}/task/{os.getppid()}/stat").read_bytes()

    def files_environment_of_another_process(self) -> None:
        Path(f"/proc/{os.getppid()}/environ").read_bytes()

    def files_delete(self) -> None:
        victim = self._outside / "victims"
        next(path for path in map(victim.joinpath, map(str, range(9))) if path.exists()).unlink()

    def programs_run(self) -> None:
        subprocess.run(["/bin/true"], check=True)

    def programs_spawn(self) -> None:
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)

    def programs_run_own_file(self) -> None:
        own = self._own()
        own.write_text("#!/bin/sh\n")
        own.chmod(0o700)
        subprocess.run([str(own)], check=True)

    def programs_fork(self) -> None:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)

    def network_tcp(self) -> None:
        socket.create_connection(("127.0.0.1", self._port), 5).close()

    def network_udp(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"x", ("127.0.0.1", self._port))

    def network_tcp6(self) -> None:
        socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()

    def network_unix(self) -> None:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(self._outside / "socket"))

    def network_unix_datagrams(self) -> None:
        for one in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM):
            one.close()

    def network_listen(self) -> None:
        with socket.create_server(("127.0.0.1", 0)):
            pass

    def network_kernel(self) -> None:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()

    def _own(self) -> Path:
        path = self._data / "engine" / f"own-{os.urandom(4).hex()}"
        path.touch()
        return path


def attempt(what: Callable[[], object]) -> str:
    """Try; DONE, or the name of the error."""
    try:
        what()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    return DONE


def call(number: int) -> str:
    """A system call with arguments that mean nothing: EPERM is a refusal, anything else its own answer."""
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.syscall(number, -1, 0, 0, 0, 0, 0)
    return errno.errorcode.get(ctypes.get_errno(), "?") if done < 0 else DONE


def main(mode: str, outside: Path, port: int) -> None:
    """Start, try, print, become /bin/echo."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = EmbeddedSettings.load_or_exit()
    forget_passwords()
    engine = Engine(settings)
    engine.start(confined if mode == "confined" else None)
    attempts = Attempts(outside, settings.data.absolute(), port)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: {name: attempt(what) for name, what in attempts.all().items()}).result()
    arm = os.uname().machine == "aarch64"
    result = {
        "main": {name: attempt(what) for name, what in attempts.all().items()},
        "thread": other,
        "calls": {name: call(numbers[arm]) for name, numbers in SYSTEM_CALLS.items()},
        "engine": engine.version,
    }
    engine.close()
    print(json.dumps(result), flush=True)
    with contextlib.suppress(PermissionError):
        os.execv("/bin/echo", ["echo", "became another program"])
    print("refused to become another program", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
