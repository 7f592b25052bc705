"""What the process does before its engine starts: it takes its passwords out of sight, its database folder and its port."""

import contextlib
import ctypes
import fcntl
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final, NoReturn

SECRET: Final = (
    "CHATTRAIL_EMBEDDED_PASSWORD",
    "CHATTRAIL_EMBEDDED_READONLY_PASSWORD",
    "CHATTRAIL_EMBEDDED_SAVING_PASSWORD",
)
ENV_START, ENV_END = 47, 48  # in /proc/self/stat, counted from the field after the name (proc_pid_stat(5): 50 and 51)


def forget_passwords() -> None:
    """Remove them from this process's environment, also from the copy that the kernel shows (Linux).

    The kernel shows it as a file of each of the process's threads, to the process itself too; and the engine has to read other
    files there.
    """
    for secret in SECRET:
        os.environ.pop(secret, None)
    if sys.platform != "linux":
        return
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="surrogateescape").rpartition(")")[2].split()
    start, end = int(fields[ENV_START]), int(fields[ENV_END])
    at = start
    for entry in ctypes.string_at(start, end - start).split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if equals and name.decode("utf-8", "replace") in SECRET:
            ctypes.memset(at + len(name) + 1, ord("*"), len(value))
        at += len(entry) + 1


def lock(folder: Path) -> IO[str]:
    """Lock a database folder until the file is closed or its process is dead. Raises SystemExit that names the holder."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = (folder / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise SystemExit(
            f"embedded ClickHouse: the folder {folder} belongs to a running server ({holder});"
            " stop that one, or set CHATTRAIL_EMBEDDED_DATA to another folder"
        ) from None
    file.truncate(0)
    file.write(f"process {os.getpid()}\n")
    file.flush()
    return file


def bind(host: str, port: int) -> Sequence[socket.socket]:
    """Bind each address that `host` stands for (`localhost` may be two). Raises SystemExit that names the port.

    Once the process is confined, it may not.
    """
    bound: list[socket.socket] = []
    with contextlib.ExitStack() as stack:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, kind, protocol, _, address in dict.fromkeys(found):
                one = stack.enter_context(socket.socket(family, kind, protocol))
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind(address)
                bound.append(one)
        except OSError as error:
            refuse(host, port, error)
        stack.pop_all()
    return bound


def refuse(host: str, port: int, error: OSError) -> NoReturn:
    """End the process, saying which port can't be used and what to do."""
    raise SystemExit(
        f"port {port} of {host} can't be used ({error.strerror});"
        " stop what listens there, or set CHATTRAIL_EMBEDDED_PORT"
    ) from None
