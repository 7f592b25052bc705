"""How much memory the stack takes: the sum of the resident sets of all its processes, and the highest sum seen."""

import psutil


class MemoryMeter:
    """Samples the process tree below the launcher. Shared pages count in each process, so the sum is an upper bound."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self.at_peak: dict[str, int] = {}

    def sample(self, pids: dict[str, int]) -> int:
        """Add up the resident bytes of these processes with their children, by name, and of the launcher itself."""
        by_name = {"launcher": psutil.Process().memory_info().rss}
        for name, pid in pids.items():
            by_name[name] = tree_bytes(pid)
        total = sum(by_name.values())
        if total > self.peak_bytes:
            self.peak_bytes, self.at_peak = total, by_name
        return total

    def report(self) -> str:
        """Return the line printed at the end."""
        parts = ", ".join(
            f"{name} {size / 1e6:.0f}" for name, size in sorted(self.at_peak.items(), key=lambda item: -item[1])
        )
        return f"Peak memory of the whole stack: {self.peak_bytes / 1e6:.0f} MB ({parts})"


def tree_bytes(pid: int) -> int:
    """Return the resident bytes of a process and its descendants; 0 when it has ended."""
    try:
        root = psutil.Process(pid)
        members = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for member in members:
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
