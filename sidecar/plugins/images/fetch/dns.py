"""Name lookups on threads of their own, so that a name server that never answers delays nothing else.

The loop's own pool of threads, which getaddrinfo takes otherwise, is small, is what events wait for when they go to
disk, and is waited for at the end of the process.
"""

import asyncio
import contextlib
import socket
import threading
from concurrent.futures import Future

AT_ONCE = 32


class DnsLookup:
    """The machine's resolver. A lookup whose caller has gone keeps its place until the machine gives it up."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._places = asyncio.Semaphore(at_once)

    async def __call__(self, host: str) -> list[str]:
        """Return a name's addresses, each once. Raises OSError when it has none."""
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        addresses: Future[list[str]] = Future()
        addresses.set_running_or_notify_cancel()  # a caller that goes cancels its wait, not the lookup

        def look_up() -> None:
            try:
                # as bytes: text would be put through an old form of IDNA, which raises UnicodeError for more than that
                infos = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
            except UnicodeError:
                addresses.set_exception(OSError("not a name"))
            except OSError as error:
                addresses.set_exception(error)
            else:
                addresses.set_result(list(dict.fromkeys(str(address[0]) for *_, address in infos)))
            with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                loop.call_soon_threadsafe(self._places.release)

        try:
            threading.Thread(target=look_up, name="image host lookup", daemon=True).start()
        except RuntimeError:  # the machine has no thread left
            self._places.release()
            raise OSError("no thread for a lookup") from None
        return await asyncio.wrap_future(addresses)
