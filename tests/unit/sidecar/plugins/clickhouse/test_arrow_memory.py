"""Blocks of columns are made in memory that the sidecar can give back."""

import subprocess
import sys

USED = "import sidecar.plugins.clickhouse.columns.blocks, pyarrow; print(pyarrow.default_memory_pool().backend_name)"


def test_arrow_takes_the_c_librarys_memory() -> None:
    done = subprocess.run([sys.executable, "-c", USED], check=True, capture_output=True, text=True)
    assert done.stdout == "system\n"
