"""A client in another language as a process: it takes a request, a JSON object a line, and answers each with a line."""

import json
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class ClientError(Exception):
    """What the client said went wrong, in its own words."""


class LineProgram:
    """One such process; started by its first request, ended by `close`."""

    def __init__(self, command: Sequence[str | Path], folder: Path) -> None:
        self._command = command
        self._folder = folder
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and return the answer. Raises ClientError."""
        with self._lock:
            if self._process is None:
                pipe = subprocess.PIPE
                self._process = subprocess.Popen(
                    self._command, cwd=self._folder, stdin=pipe, stdout=pipe, text=True, encoding="utf-8"
                )
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        assert line, f"{self._command[0]} ended"
        answer: dict[str, Any] = json.loads(line)
        if answer.get("error"):
            raise ClientError(answer["error"])
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.close()
            self._process.wait(30)
            self._process.stdout.close()
