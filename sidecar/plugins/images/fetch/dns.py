"""Name lookups on threads of their own: a stranger's name server that never answers holds up nothing else.

The loop's own pool of threads, which getaddrinfo takes otherwise, is small, is what events wait for when they go to
disk, and is waited for at the end of the process.
"""

import asyncio
import contextlib
import socket
import threading

AT_ONCE = 32


class Lookups:
    """The machine's resolver. A lookup whose caller has gone keeps its place until the machine gives it up."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._places = asyncio.Semaphore(at_once)

    async def __call__(self, host: str) -> list[str]:
        """Return a name's addresses, each once. Raises OSError when it has none."""
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str]] = loop.create_future()

        def finish(found: list[str] | OSError) -> None:
            self._places.release()
            if answer.done():  # nobody waits any more
                return
            if isinstance(found, OSError):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def ask() -> None:
            found = _addresses(host)
            with contextlib.suppress(RuntimeError):  # the loop may be gone by now
                loop.call_soon_threadsafe(finish, found)

        try:
            threading.Thread(target=ask, name="picture host lookup", daemon=True).start()
        except RuntimeError:  # the machine has no thread left
            self._places.release()
            raise OSError("no thread for a lookup") from None
        return await answer


def _addresses(host: str) -> list[str] | OSError:
    try:
        # as bytes: text would be put through an old form of IDNA, which raises what nobody expects
        infos = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    except UnicodeError:
        return OSError("not a name")
    return list(dict.fromkeys(str(address[0]) for *_, address in infos))
