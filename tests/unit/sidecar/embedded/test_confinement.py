"""What is said of the kernel's defences, for kernels that this one is not; and the sockets bound before."""

import socket
from collections.abc import Iterator

import pytest

from sidecar.embedded import startup
from sidecar.embedded.confinement import summary

NONE = "this kernel has none"
LIBRARY = "libseccomp.so.2 is not installed"
FULL = "confined by the operating system: files (Landlock ABI {}), programs (seccomp), network (seccomp)"


@pytest.mark.parametrize(
    ("landlock", "seccomp", "threads", "said"),
    [
        (7, "", 1, FULL.format(7)),
        (3, "", 1, FULL.format(3)),
        (8, "", 5, FULL.format(8)),
        (2, "", 1, FULL.format(2) + "; NOT confined: truncating files (Landlock ABI 2 can't)"),
        (7, "", 3, FULL.format(7) + "; NOT confined: files to 2 threads that ran before (Landlock ABI 7 can't)"),
        (
            NONE,
            "",
            3,
            f"confined by the operating system: programs (seccomp), network (seccomp); NOT confined: files ({NONE})",
        ),
        (
            7,
            LIBRARY,
            1,
            "confined by the operating system: files (Landlock ABI 7), programs (Landlock), TCP (Landlock);"
            f" NOT confined: network beyond TCP ({LIBRARY})",
        ),
        (
            3,
            LIBRARY,
            1,
            "confined by the operating system: files (Landlock ABI 3), programs (Landlock);"
            f" NOT confined: network ({LIBRARY})",
        ),
        (
            NONE,
            LIBRARY,
            1,
            "confined by the operating system: nothing;"
            f" NOT confined: files ({NONE}); programs and network ({LIBRARY})",
        ),
    ],
)
def test_what_stands_and_what_does_not_is_said(landlock: int | str, seccomp: str, threads: int, said: str) -> None:
    assert str(summary(landlock, seccomp, threads)) == said


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_taken_port_is_named_before_anything_else_is_done(taken: int) -> None:
    with pytest.raises(SystemExit, match=f"port {taken} of 127.0.0.1 can't be used .*CHATTRAIL_EMBEDDED_PORT"):
        startup.bind("127.0.0.1", taken)


def test_localhost_is_bound_at_each_of_its_addresses() -> None:
    expected = {found[4][0] for found in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
    bound = startup.bind("localhost", 0)
    assert {one.getsockname()[0] for one in bound} == expected
    for one in bound:
        with pytest.raises(ConnectionRefusedError), socket.socket(one.family) as client:
            client.connect(one.getsockname())  # bound, but nobody listens yet
        one.close()
