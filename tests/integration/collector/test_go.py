"""The collector's own Go modules: their tests run OpenTelemetry's real exporterhelper, behind a processor and on a storage."""

import os
import subprocess
from pathlib import Path

import pytest

from collector.build import MANIFEST, BuildError, find_go, own_modules
from tests.support.tools import lacking


@pytest.mark.parametrize("module", own_modules(MANIFEST.read_text()), ids=lambda module: module.name)
def test_the_modules_own_tests(module: Path) -> None:
    try:
        go = find_go()
    except BuildError as error:
        lacking(f"no Go for the tests of the collector's modules: {error}")
    environment = {**os.environ, "GOFLAGS": "-mod=readonly"}
    done = subprocess.run([str(go), "test", "./..."], cwd=module, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
