"""Keeps the number of a process's last event where a kill -9 does not reach it, and reports processes that are gone.

The events in the queue of a killed bot are the end of its sequence, so no later number shows that they are missing. A process
has a small file in a folder, and locks it while it runs. The next process to start with that folder finds the files without
a lock, reports the numbers in them, and removes a file once its report is accepted.

A file that cannot be written costs no event: the fault is logged.
"""

import errno
import json
import logging
import os
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chattrail.events import Attribute
from chattrail.export.logrecord import REPORTED, Packed, dropped_attributes, pack
from chattrail.forks import after_fork_in_child
from chattrail.rate_limited_log import RateLimitedLog, error_location
from chattrail.record import Record
from chattrail.sanitize import AttributeValue

try:
    import fcntl
except ImportError:  # Windows: nothing tells the living from the dead there
    fcntl = None  # type: ignore[assignment]

# No event, so it has another prefix: nothing that counts events counts it.
PROCESS_ENDED = "chattrail_process.ended"
ATTRIBUTES = (
    Attribute("chattrail.process.service_name", "Its `service.name`.", "persona-bot"),
    Attribute("chattrail.process.instance_id", "Its `service.instance.id`.", "6ce511d2-…"),
    Attribute(
        "chattrail.process.reached",
        "The last `event.sequence` it had handed out, and those that edits waited for.",
        812,
    ),
    Attribute(
        "chattrail.process.cut_off",
        "False when it ended by itself and all it had was taken or given up; True: what it still held is lost.",
        True,
    ),
)

_logger = logging.getLogger("chattrail")
_log = RateLimitedLog(_logger)
_SUFFIX = ".sequence"
_NUMBER = "%020d"
_LARGEST = 4096  # bytes of a file that can be ours


class ProcessEndReport:
    """A report that a process has ended. Until it is released, no other process sends it."""

    def __init__(self, packed: Packed, path: Path, descriptor: int | None = None) -> None:
        self.packed = packed
        self._path = path
        self._close = None if descriptor is None else weakref.finalize(self, os.close, descriptor)

    def accepted(self) -> None:
        """Remove the file. Never raises; a file that stays is reported again, which changes nothing."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("a state file stays, and its process will be reported again: %s", error.strerror)
        self.release()

    def release(self) -> None:
        """Let another process report it. May be called again, and by another thread than the one that is sending it."""
        if self._close is not None:
            self._close()


@dataclass(frozen=True, slots=True)
class _State:
    service_name: str
    instance_id: str
    reached: int
    losses: tuple[int, ...]  # in the order of REPORTED

    def head(self) -> bytes:
        names = {"service.name": self.service_name, "service.instance.id": self.instance_id}
        return json.dumps(names).encode() + b"\n"

    def text(self) -> bytes:
        return self.head() + b"".join((_NUMBER + "\n").encode() % number for number in (self.reached, *self.losses))

    def packed(self, when: int, *, cut_off: bool) -> Packed:
        values = (self.service_name, self.instance_id, self.reached, cut_off)
        attributes: dict[str, AttributeValue] = dict(zip((one.name for one in ATTRIBUTES), values, strict=True))
        attributes |= {name: number for name, number in zip(REPORTED, self.losses, strict=True) if number}
        how = "was cut off" if cut_off else "ended"
        body = f"process {self.instance_id} {how} at event {self.reached}"
        return pack(Record(PROCESS_ENDED, when, attributes, body))


class SequenceFile:
    """The file of this process, and those of processes that are gone. Nothing here raises."""

    def __init__(self, folder: Path, service_name: str, instance_id: Callable[[], str]) -> None:
        self._folder = folder
        self._service_name = service_name
        self._instance_id = instance_id
        self._open()
        after_fork_in_child(self._begin_again)

    def _open(self) -> None:
        self._due = False
        self._descriptor = -1
        self._reached = 0
        self._losses = (0,) * len(REPORTED)
        state = self._state()
        self._path = self._folder / f"{state.instance_id}{_SUFFIX}"
        self._at = len(state.head())
        if fcntl is None:
            _logger.warning("state is kept on systems with file locks only: what a killed process loses is not seen")
            return
        new = self._path.with_suffix(".new")  # a name nobody looks for: it is not locked from its first moment on
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            # Closed with this object and not before: a thread may be about to write, and numbers are given out again.
            self._close = weakref.finalize(self, os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.write(descriptor, state.text()) != len(state.text()):
                raise OSError(errno.ENOSPC, "No space left on device")
            new.rename(self._path)
            self._descriptor = descriptor
        except Exception as error:
            _logger.warning("%s: what this process loses when it is killed will not be seen", _fault(error))
            with suppress(OSError):
                new.unlink(missing_ok=True)

    def write_number(self, number: int) -> None:
        """Keep the last number that was handed out. Not thread-safe: the sequence calls it under its lock."""
        self._reached = number
        if self._due:
            self._open()
            self._reached = number
        # A write rather than a memory map: a full or broken disk is an error here, and would be a SIGBUS there.
        self._write(self._at, b"%020d" % number)

    def write_losses(self, losses: Mapping[str, int]) -> None:
        """Keep the counts of events dropped so far, by the batch processor's reasons."""
        counts = dropped_attributes(losses)
        self._losses = tuple(int(str(counts.get(name, 0))) for name in REPORTED)
        self._write(self._at + 21, b"".join(b"%020d\n" % number for number in self._losses))

    def _write(self, at: int, data: bytes) -> None:
        if self._descriptor < 0:
            return
        try:
            os.pwrite(self._descriptor, data, at)
        except Exception as error:
            _log.warning("%s: what this process loses when it is killed may not be seen", _fault(error))

    def own_end(self) -> ProcessEndReport | None:
        """Return the report of this process's own end, None when there is nothing to report."""
        if self._descriptor < 0:
            return None
        report = ProcessEndReport(self._state().packed(self._written(), cut_off=False), self._path)
        if self._reached:
            return report
        report.accepted()
        return None

    def release(self) -> None:
        """Let others report this process, if its file is still there. It will not be held any more."""
        if self._descriptor >= 0:
            with suppress(OSError):  # the end of the process unlocks it in any case
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def left_behind(self) -> list[ProcessEndReport]:
        """Return a report of each process of this folder that is gone."""
        if fcntl is None:
            return []
        try:
            return list(self._claim(sorted(self._folder.glob(f"*{_SUFFIX}"))))
        except Exception as error:
            _logger.warning("%s: processes that were killed are not reported", _fault(error))
            return []

    def _claim(self, paths: list[Path]) -> Iterator[ProcessEndReport]:
        for path in paths:
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not block
            except OSError:
                continue  # removed since it was listed, or not ours
            report = ProcessEndReport(_NOTHING, path, descriptor)  # from here on it closes what was opened
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                about = os.fstat(descriptor)
                if about.st_nlink == 0:
                    continue  # another process has just reported it
                state = _parse(os.read(descriptor, _LARGEST))
            except BlockingIOError:
                continue  # its process lives
            except Exception as error:
                _log.warning("a state file is not readable and set aside: %s", error_location(error))
                with suppress(OSError):  # else it is looked at again at the next start
                    path.rename(path.with_suffix(".unreadable"))
                continue
            if state.reached:
                report.packed = state.packed(about.st_mtime_ns, cut_off=True)
                yield report
            else:
                report.accepted()

    def _state(self) -> _State:
        return _State(self._service_name, self._instance_id(), self._reached, self._losses)

    def _written(self) -> int:
        try:
            return os.fstat(self._descriptor).st_mtime_ns
        except OSError:
            return 1  # the time it was sent stands beside it

    def _begin_again(self) -> None:
        # The parent's lock would live on in a child that keeps its file open.
        if self._descriptor >= 0:
            self._close()
        self._descriptor = -1
        self._due = True  # at the child's first event: most children never have one


_NOTHING: Packed = (0, "", 0, 0, 0, "", {}, None)


def _parse(data: bytes) -> _State:
    head, _, rest = data.partition(b"\n")
    names = json.loads(head)
    numbers = [int(line) for line in rest.split(b"\n")[: 1 + len(REPORTED)] if line.isdigit()]
    if not isinstance(names, dict) or len(numbers) != 1 + len(REPORTED):
        raise ValueError("not a state file")
    service, instance = names["service.name"], names["service.instance.id"]
    if not isinstance(service, str) or not isinstance(instance, str) or max(numbers) >= 2**63:
        raise ValueError("not a state file")
    return _State(service, instance, numbers[0], tuple(numbers[1:]))


def _fault(error: Exception) -> str:
    return f"the state folder cannot be used ({getattr(error, 'strerror', None) or type(error).__name__})"
