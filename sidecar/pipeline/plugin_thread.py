"""Optional plugins live on a thread with an event loop of its own: one that blocks its loop blocks nobody else's.

What a thread can't give: a C extension that keeps the interpreter's lock still stops the whole process.
"""

import asyncio
import concurrent.futures
import logging
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial

from common.error_location import error_location
from sidecar.errors import StartError
from sidecar.otlp.batch import Batch
from sidecar.plugin import Plugin

FINISH_S = 1.0
THREADS = "plugin "  # how the names of plugins' threads begin


class PluginThread:
    """A plugin whose every call runs on its own thread; the caller may give up waiting at any time."""

    def __init__(self, name: str, plugin: Plugin, logger: logging.Logger) -> None:
        """Read what the plugin wants once: code of a stranger has no place on the way of the ack."""
        self._name = name
        self._plugin = plugin
        self._logger = logger
        self._thread: LoopThread | None = None
        self.events = _checked_events(name, plugin)

    async def start(self) -> None:
        """Start the plugin on its thread."""
        await self._run(self._plugin.start)

    async def handle(self, batch: Batch) -> None:
        """Hand a batch to the plugin on its thread."""
        await self._run(partial(self._plugin.handle, batch))

    async def shutdown(self) -> None:
        """Shut the plugin down on its thread and end the thread; one that is blocked is left to itself."""
        try:
            await self._run(self._plugin.shutdown)
        finally:
            thread, self._thread = self._thread, None
            if thread is not None:
                thread.end()

    async def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        if self._thread is None:
            self._thread = LoopThread(f"{THREADS}{self._name}", self._logger)
        await self._thread.run(work)


class _Call:
    """A call on its way to the thread. Given up, it lets go of its work, and with it of the batch it holds."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self.work: Callable[[], Awaitable[None]] | None = work
        self.outcome: concurrent.futures.Future[None] | None = None

    async def run(self) -> None:
        work, self.work = self.work, None
        try:
            if work is not None:
                await work()
        except Exception:
            raise
        except BaseException as error:
            if self.outcome is not None and self.outcome.cancelled():
                raise
            # CancelledError and SystemExit that a plugin raises itself must not end the task that waits for it
            raise RuntimeError(f"raised {type(error).__name__}") from None


class LoopThread:
    """An event loop on a daemon thread, so that what is stuck there can't keep the process from ending."""

    def __init__(self, name: str, logger: logging.Logger) -> None:
        self._logger = logger
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._forgotten)
        self._loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(thread_name_prefix=name))
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Await work on the thread's loop. Its exceptions come back; a cancelled wait cancels the work when it can."""
        call = _Call(work)
        call.outcome = asyncio.run_coroutine_threadsafe(call.run(), self._loop)
        try:
            await asyncio.wrap_future(call.outcome)
        except asyncio.CancelledError:
            call.work = None
            raise
        except Exception:
            call.outcome = None  # it holds the exception, whose traceback holds the call, and the batch
            raise

    def end(self) -> None:
        """Let the loop cancel what is left and close. Returns at once."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        while True:
            try:
                self._loop.run_forever()
            except BaseException as error:  # a task that raises SystemExit would end every later call with it
                self._forgotten(self._loop, {"exception": error})
            else:
                break
        try:
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            if left:
                self._loop.run_until_complete(asyncio.wait(left, timeout=FINISH_S))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    def _forgotten(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Log a failure that nobody awaits by its kind: asyncio's own words quote it, and it may hold contents."""
        error = context.get("exception")
        what = type(error).__name__ if error else "failure"
        where = error_location(error) if isinstance(error, BaseException) else context.get("message")
        self._logger.error("%s: %s in the background at %s", self._thread.name, what, where)


def leave_stuck_threads(logger: logging.Logger, code: int) -> None:
    """End the process when threads that a plugin made are stuck: Python would wait for them for ever."""
    until = time.monotonic() + FINISH_S
    for thread in _others():
        thread.join(max(0.0, until - time.monotonic()))
    stuck = _others()
    if stuck:
        logger.warning("leaving %d threads of plugins behind: %s", len(stuck), ", ".join(one.name for one in stuck))
        logging.shutdown()
        sys.stdout.flush()
        os._exit(code)


def _others() -> list[threading.Thread]:
    # an executor's threads are waited for at the end even where they are daemons
    others = [one for one in threading.enumerate() if one is not threading.main_thread()]
    return [one for one in others if not one.daemon or one.name.startswith(THREADS)]


def _checked_events(name: str, plugin: Plugin) -> frozenset[str] | None:
    try:
        events: object = plugin.events
    except Exception as error:
        raise StartError(f"plugin {name}: its `events` raised {type(error).__name__}") from None
    if events is None or isinstance(events, frozenset):
        return events
    raise StartError(f"plugin {name}: its `events` must be a frozenset of event types or None, not {events!r:.60}")
