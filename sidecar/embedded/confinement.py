"""What the operating system takes from this process before the engine is loaded: other files, programs, the network.

The last line of defence, below the rights and the checks of statements: what a statement reached in spite of them would be
refused by the kernel. Landlock takes the files, seccomp the rest. Both hold for a thread and the threads it starts, for
good, so `confine` is called while there is one thread. Where the kernel or a library lacks one, the server runs without
it, and says so.
"""

import errno
import os
import site
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import common
import sidecar

LEAST_ABI: Final = 2  # of Landlock; the first one forbids the renames between folders that the engine lives by
TRUNCATE_ABI: Final = 3
TCP_ABI: Final = 4
TSYNC_ABI: Final = 8  # from here on Landlock reaches the threads that run already

# What the engine reads when it is loaded, figures of its own threads, and time zones: nothing of other processes.
# Refused those figures, the engine throws and catches several exceptions a query, which costs CPU time.
READ_BY_ENGINE: Final = (
    "/dev/urandom",
    "/etc/ld.so.cache",
    "/proc/self/auxv",
    "/proc/self/cgroup",
    "/proc/self/maps",
    "/proc/self/task",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/fs/cgroup",
    "/sys/kernel/mm/transparent_hugepage",
    "/usr/share/zoneinfo",
)
# A system call that is not listed is allowed. Unknown to an architecture (fork on ARM): nothing to refuse.
REFUSED_CALLS: Final = (
    "execve", "execveat", "fork", "vfork",  # programs; clone is looked at below
    "socket", "connect", "bind",  # the network; the listening socket is there already, accept stays
    "io_uring_setup",  # would open sockets past this filter
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd",  # what other processes hold
)  # fmt: skip
CLONE_THREAD: Final = 0x10000
SOCKET_TYPE_MASK: Final = 0xF
SOCK_DGRAM: Final = 2
SOCK_RAW: Final = 3


@dataclass(frozen=True, slots=True)
class Confinement:
    """What the process has given up, each with what makes it so, and what not, each with the reason."""

    standing: tuple[str, ...]
    missing: tuple[str, ...]

    def __str__(self) -> str:
        without = f"; NOT confined: {'; '.join(self.missing)}" if self.missing else ""
        return f"confined by the operating system: {', '.join(self.standing) or 'nothing'}{without}"


def confine(writable: Sequence[Path], readable: Sequence[Path]) -> Confinement:
    """Give up every file but these (folders: all that is in them), programs and the network, for good.

    `writable` and `readable` must exist. The threads of this process that were started before are not reached by
    Landlock before ABI 8.
    """
    if sys.platform != "linux":
        return Confinement((), (f"files, programs and network ({sys.platform} has neither Landlock nor seccomp)",))
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
    rules = _system_call_filter()  # first: it looks for its library by running programs
    abi = _restrict_files(writable, [*readable, *_of_the_machine()])
    return summary(abi, _load(rules), threads)


def summary(landlock: int | str, seccomp: str, threads: int) -> Confinement:
    """What stands: `landlock` is its ABI, or why there is none; `seccomp` is why there is none, or ''."""
    standing, missing = [], []
    abi = landlock if isinstance(landlock, int) else 0
    if abi:
        standing.append(f"files (Landlock ABI {abi})")
        if abi < TRUNCATE_ABI:
            missing.append(f"truncating files (Landlock ABI {abi} can't)")
        if abi < TSYNC_ABI and threads > 1:
            missing.append(f"files to {threads - 1} threads that ran before (Landlock ABI {abi} can't)")
    else:
        missing.append(f"files ({landlock})")
    if not seccomp:
        standing += ["programs (seccomp)", "network (seccomp)"]
    else:
        if abi:
            standing.append("programs (Landlock)")
        if abi >= TCP_ABI:
            standing.append("TCP (Landlock)")
        without = "network beyond TCP" if abi >= TCP_ABI else "network" if abi else "programs and network"
        missing.append(f"{without} ({seccomp})")
    return Confinement(tuple(standing), tuple(missing))


def _restrict_files(writable: Sequence[Path], readable: Sequence[Path]) -> int | str:
    import landlockpy
    from landlockpy import AccessFS, LandlockError, RestrictFlag, Scope

    read = AccessFS.READ_FILE | AccessFS.READ_DIR
    write = (
        read | AccessFS.WRITE_FILE | AccessFS.TRUNCATE | AccessFS.REFER | AccessFS.MAKE_REG | AccessFS.MAKE_DIR
        | AccessFS.MAKE_SYM | AccessFS.REMOVE_FILE | AccessFS.REMOVE_DIR
    )  # fmt: skip
    try:
        abi = landlockpy.abi_version()
        if abi == 0:
            return "this kernel has no Landlock, or it is switched off"
        if abi < LEAST_ABI:
            return f"Landlock ABI {abi} is too old, {LEAST_ABI} is the least"
        with landlockpy.Ruleset(scoped=Scope.SIGNAL | Scope.ABSTRACT_UNIX_SOCKET) as rules:
            for path in writable:
                rules.allow_path(path, write)
            for path in readable:
                os.open(path, os.O_PATH | os.O_CLOEXEC)  # stays open: a rule on a file of /proc is lost with its inode
                rules.allow_path(path, read if path.is_dir() else AccessFS.READ_FILE)
            # not in the kernel's audit log: the engine looks at files of /proc and /etc that it does not need
            rules.restrict(RestrictFlag.LOG_SAME_EXEC_OFF | RestrictFlag.TSYNC)
    except LandlockError as error:  # a container's own filter may refuse the calls
        return f"Landlock: {error.strerror}"
    return abi


def _of_the_machine() -> Iterator[Path]:
    """What is read by the engine, the loader of libraries and Python's imports; of this, what exists."""
    folders = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), *site.getsitepackages()}
    folders |= {site.getusersitepackages(), *_folder_of_libc()}
    folders |= {package.__path__[0] for package in (common, sidecar)}
    yield from (path for path in map(Path, (*READ_BY_ENGINE, *sorted(folders))) if path.exists())


def _folder_of_libc() -> Iterator[str]:
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        path = Path(line.split(maxsplit=5)[-1])
        if path.name.startswith(("libc.so", "libc-")):
            yield str(path.parent)
            return


def _system_call_filter() -> Any:
    """The filter, not in force yet; a str says why there is none."""
    try:
        import pyseccomp as seccomp
    except (ImportError, RuntimeError, OSError):
        return "libseccomp.so.2 is not installed"
    try:
        rules = seccomp.SyscallFilter(seccomp.ALLOW)
        rules.set_attr(seccomp.Attr.CTL_TSYNC, 1)
        refuse = seccomp.ERRNO(errno.EPERM)
        for name in REFUSED_CALLS:
            rules.add_rule(refuse, name)
        rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, CLONE_THREAD, 0))
        # its flags lie in memory, where no filter looks; the C library makes its threads with clone then
        rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
        for kind in (SOCK_DGRAM, SOCK_RAW):  # a pair of these could send to sockets that others have bound
            rules.add_rule(refuse, "socketpair", seccomp.Arg(1, seccomp.MASKED_EQ, SOCKET_TYPE_MASK, kind))
    except OSError as error:
        return f"seccomp: {error.strerror}"
    return rules


def _load(rules: Any) -> str:
    if isinstance(rules, str):
        return rules
    try:
        rules.load()
    except OSError as error:
        return f"seccomp: {error.strerror}"
    return ""
