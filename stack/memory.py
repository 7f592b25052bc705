"""The memory that the stack takes: the sum of the resident sets of all its processes, and its peak."""

from contextlib import suppress

import psutil


class MemoryMeter:
    """Samples the process tree below the launcher. Shared pages count in each process, so the sum is an upper bound."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self.at_peak: dict[str, int] = {}
        self.peaks_with: dict[str, int] = {}

    def sample(self, services: dict[str, int], helpers: dict[str, int]) -> None:
        """Add up the resident bytes of the launcher and of these processes with their children, by name.

        Helpers run for a while only; the sum with each has a peak of its own, by what happens meanwhile.
        """
        by_name = {"launcher": psutil.Process().memory_info().rss}
        by_name |= {name: tree_bytes(pid) for name, pid in services.items()}
        total = sum(by_name.values())
        if total > self.peak_bytes:
            self.peak_bytes, self.at_peak = total, by_name
        for name, pid in helpers.items():
            self.peaks_with[name] = max(self.peaks_with.get(name, 0), total + tree_bytes(pid))

    def report(self) -> str:
        """Return the line printed at the end."""
        largest_first = sorted(self.at_peak.items(), key=lambda item: -item[1])
        parts = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in largest_first)
        line = f"Peak memory of the whole stack: {self.peak_bytes / 1e6:.0f} MB ({parts})"
        higher = {name: peak for name, peak in self.peaks_with.items() if peak > self.peak_bytes}
        return "".join([line, *(f"; {peak / 1e6:.0f} MB while {name}" for name, peak in higher.items())])


def tree_bytes(pid: int) -> int:
    """Return the resident bytes of a process and its descendants; 0 when it has ended."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for member in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += member.memory_info().rss
    return total
