"""A fault while an answer is coded, with the real engine, which is loaded in a process of its own."""

import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

PROGRAM = """
import asyncio, gc, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from sidecar.embedded.engine import Engine, Job
from sidecar.embedded.execution import Execution
from sidecar.embedded.settings import EmbeddedSettings
from sidecar.embedded.sql import parse

class Faulty:
    def compress(self, data):
        raise MemoryError
    def flush(self):
        return b""

async def main():
    folder = Path(sys.argv[1])
    engine = Engine(EmbeddedSettings(data=folder))
    engine.start()
    gc.disable()
    threads = ThreadPoolExecutor(4)
    job = Job(parse(b"SELECT number FROM numbers(3000000)"), reader=False, folder=folder, settings={}, parameters={})
    execution = Execution(engine, threads, job, None, Faulty())
    try:
        await execution.next()
    except MemoryError:
        print("seen")
    await execution.end()
    print("ended")
    del execution, job
    threads.shutdown()  # a thread holds what it has done until it looks for more
    print("kept" if any(isinstance(one, Job) for one in gc.get_objects()) else "freed")
    engine.close()

asyncio.run(main())
"""


def test_a_fault_while_an_answer_is_coded_ends_the_query_and_frees_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "data")], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "seen\nended\nfreed\n"), done.stderr
