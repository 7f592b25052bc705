"""rotel, a forwarder of OTLP that is none of ours and no relative of the collector, as a process on loopback."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Self

import psutil

from tests.support.collector_process import free_ports, until
from tests.support.tools import of_package


class Rotel:
    """Takes OTLP by gRPC and HTTP and sends it to `endpoint` by `protocol`. Its own telemetry is off, as by default."""

    def __init__(self, log: Path, endpoint: str, protocol: str, token: str = "", *options: str) -> None:
        grpc, http = free_ports(2)
        self.grpc, self.http = f"http://127.0.0.1:{grpc}", f"http://127.0.0.1:{http}"
        self._ports = (grpc, http)
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("ROTEL_", "OTEL_"))}
        headers = {"ROTEL_OTLP_EXPORTER_CUSTOM_HEADERS": f"Authorization=Bearer {token}"} if token else {}
        self._environment = plain | headers
        self.command = [
            of_package("rotel", "rotel-agent"), "start",
            "--otlp-grpc-endpoint", f"127.0.0.1:{grpc}", "--otlp-http-endpoint", f"127.0.0.1:{http}",
            "--exporter", "otlp", "--otlp-exporter-protocol", protocol, "--otlp-exporter-endpoint", endpoint,
            *options,
        ]  # fmt: skip
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command, env=self._environment, stdout=log, stderr=log)
        until(lambda: self._ended() or all(map(_listens, self._ports)), f"rotel listens ({self.log})")
        assert not self._ended(), self.log.read_text()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and not self._ended():
            self._process.kill()
            self._process.wait(10)

    def stop(self) -> None:
        """Ask it to end: it sends what it holds first."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(20) == 0, self.log.read_text()

    def peers(self) -> set[str]:
        """Addresses that it talks to or listens on just now."""
        assert self._process is not None
        connections = psutil.Process(self._process.pid).net_connections()
        return {end.ip for one in connections for end in (one.laddr, one.raddr) if end}

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None


def _listens(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0
