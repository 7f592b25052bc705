#!/usr/bin/env bash
# APScheduler 3.11.3, AsyncIOScheduler: jobs run with the context variables of the code that called add_job last, even
# where other code added them.
#
# The scheduler has one timer, loop.call_later, and asyncio keeps with it the context (PEP 567) of the code that sets
# it. add_job from a handler wakes the scheduler up and sets the timer anew, in that handler's context; what the timer
# starts, and the timers it sets, go on in it, until the next call adds or changes a job. So a reminder for one person
# runs with the request, tracing span or log fields of another, and changes them when an unrelated job is added. Not
# even a job's own adder is sure of its context. Code that stores "the current user" in a ContextVar for its handlers
# must set it inside the job.
#
# Source: AsyncIOScheduler.wakeup (call_soon_threadsafe) and _start_timer (call_later) in
# apscheduler/schedulers/asyncio.py; AsyncIOExecutor._do_submit_job (create_task) in apscheduler/executors/asyncio.py.
# Matters to chattrail/context.py, whose current_update is such a variable: bots send reminders from such jobs.
#
# Output seen (ann's, bob's and cid's handlers each add a job, in this order):
#   bob's job ran as cid
#   cid's job ran as cid
#   ann's job ran as cid
#   after dan's handler has added one: ann's second job ran as dan
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apscheduler==3.11.3
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import contextvars
import sys
from datetime import datetime, timedelta, timezone

from apscheduler.schedulers.asyncio import AsyncIOScheduler

user = contextvars.ContextVar("user", default=None)


async def main():
    scheduler, ran = AsyncIOScheduler(), asyncio.Queue()
    scheduler.start()

    async def job(owner):
        ran.put_nowait((owner, user.get()))

    def handler(name, *delays):
        """What a request of this person does, in a context of its own as a task has one."""
        user.set(name)
        for delay in delays:
            scheduler.add_job(job, "date", run_date=begin + timedelta(seconds=delay), args=[name])

    begin = datetime.now(timezone.utc)
    for name, *delays in (("ann", 1.5, 4), ("bob", 0.5), ("cid", 1)):
        contextvars.copy_context().run(handler, name, *delays)
    seen = [await ran.get() for _ in range(3)]
    for owner, context in seen:
        print(f"{owner}'s job ran as {context}")
    contextvars.copy_context().run(handler, "dan", 60)
    seen.append(await ran.get())
    print("after dan's handler has added one: {}'s second job ran as {}".format(*seen[3]))
    sys.exit(seen != [("bob", "cid"), ("cid", "cid"), ("ann", "cid"), ("ann", "dan")])


asyncio.run(main())
PYTHON
