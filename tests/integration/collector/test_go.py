"""The collector's own Go module: its tests run the real exporterhelper of OpenTelemetry behind the processor."""

import os
import subprocess

import pytest

from collector.build import LIMITS, BuildError, find_go
from tests.support.tools import lacking


@pytest.mark.parametrize("command", [["vet", "./..."], ["test", "./..."]], ids=["vet", "test"])
def test_the_modules_own_tests(command: list[str]) -> None:
    try:
        go = find_go()
    except BuildError as error:
        lacking(f"no Go for the tests of the collector's module: {error}")
    environment = {**os.environ, "GOFLAGS": "-mod=readonly"}
    done = subprocess.run([str(go), *command], cwd=LIMITS, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
