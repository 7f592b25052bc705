"""The commands: `demo` with a simulated Telegram and history, `run` with the real one, `up` without a bot."""

import asyncio
import json
import os
import signal
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from common.private_files import private_folder
from stack import collector, services
from stack.data_lock import locked
from stack.process import StackError
from stack.secrets import Secrets, load_or_make
from stack.services import Plan, backfill_command, plan
from stack.settings import StackSettings
from stack.supervisor import StoppedError, Supervisor

_NO_BOT = (
    "BOT_TOKEN is not set: get a token from @BotFather for the persona bot, and BOT_TOKEN=… make run."
    " For a bot of your own there is `make up`; `make demo` needs no bot."
)


async def run(settings: StackSettings, console: Console, command: str) -> int:
    """Run the stack until a signal or a failure; return the exit code."""
    began = time.monotonic()
    simulated = command == "demo"
    settings = settings.for_demo() if simulated else settings
    data = (settings.data / command).resolve()  # each command's own: nobody meets the people of the demo elsewhere
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    supervisor = Supervisor(data / "logs", console)
    try:
        if command == "run" and settings.bot_token is None:
            raise StackError(_NO_BOT)
        if not simulated and settings.cloudflare:
            raise StackError("CLOUDFLARE=fake is for the demo: real pictures belong in a store that lasts.")
        private_folder(data)
        with locked(data, command):
            with console.status("Starting …"):
                secrets = await asyncio.to_thread(load_or_make, data / "secrets.json")
                layout = await asyncio.to_thread(
                    plan, settings, secrets, data, simulated=simulated, bot=command != "up"
                )
            async with supervisor.started(layout.services, stop):
                link = await asyncio.to_thread(_login_link, settings, secrets)
                lines = [
                    f"Events travel: {layout.route}",
                    f"Password for later logins: in {data / 'secrets.json'}",
                    f"Logs: in {data / 'logs'}",
                    *(_for_your_bot(settings, layout) if command == "up" else []),
                    f"Ready after {time.monotonic() - began:.1f} s, Ctrl-C ends it. Open {link}",
                ]
                console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
                work = _when_ready(settings, layout, data, supervisor, console, simulated=simulated)
                await supervisor.watch(stop, asyncio.create_task(work))
                console.print("Ending …")
    except StoppedError:
        console.print("Ended before everything was ready.")
    except (StackError, ValueError) as error:
        console.print("[red]Error:[/]", escape(str(error)), highlight=False, soft_wrap=True)
        return 1
    finally:
        if supervisor.memory.peak_bytes:
            console.print(supervisor.memory.report(), highlight=False, soft_wrap=True)
    return 0


def _for_your_bot(settings: StackSettings, layout: Plan) -> list[str]:
    """Return what to paste into a bot. The library's default endpoint needs no mention there."""
    is_default = layout.otlp_endpoint.endswith(":4318")
    given = "" if is_default else f', endpoint="{layout.otlp_endpoint}"'
    lines = [
        f"Your bot sends its events to {layout.otlp_endpoint} (OTLP over HTTP). Two lines in an aiogram bot:",
        "    import chattrail.aiogram",
        f'    chattrail.aiogram.instrument(dispatcher, bot, chattrail.create_tracker("my-bot"{given}))',
    ]
    if settings.bot_token is None and not os.environ.get(services.TOKENS):
        lines.append(
            "Its pictures are archived, too, when this is started with its token: BOT_TOKEN=… make up, or for several bots"
            f" {services.TOKENS}=…,… make up"
        )
    return lines


async def _when_ready(
    settings: StackSettings, layout: Plan, data: Path, supervisor: Supervisor, console: Console, *, simulated: bool
) -> None:
    """Do what must not delay the start, one after the other: together they would take more memory."""
    if simulated:
        await _send_history(settings, layout, data, supervisor, console)
    if not layout.has_collector and settings.build_collector:
        await collector.build(console, data / "logs" / "collector-build.log", supervisor.helpers)


async def _send_history(
    settings: StackSettings, layout: Plan, data: Path, supervisor: Supervisor, console: Console
) -> None:
    """Send the history once. Its end time is kept first, so that a history cut short is sent again with the same ids."""
    if not settings.history_days:
        return
    marker = data / "history.json"
    state = json.loads(marker.read_text()) if marker.exists() else {}
    if state.get("done"):
        return
    until = state.setdefault("until", datetime.now(UTC).isoformat(timespec="seconds"))
    marker.write_text(json.dumps(state))
    console.print(f"{settings.history_days} days of history of {settings.history_people} people are on their way:")
    process = await asyncio.create_subprocess_exec(
        *backfill_command(settings, until),
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": layout.otlp_endpoint},
        start_new_session=True,
    )
    supervisor.helpers["the history was sent"] = process.pid
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    finally:
        del supervisor.helpers["the history was sent"]
    if code:
        raise StackError(f"the history could not be sent (code {code}); start again to send what is missing")
    marker.write_text(json.dumps({**state, "done": True}))
    console.print("The history has arrived.")


def _login_link(settings: StackSettings, secrets: Secrets) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{settings.web_port}/api/login-links",
        data=b"{}",
        headers={"Authorization": f"Bearer {secrets.api_token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            return str(json.load(response)["url"])
    except OSError as error:
        raise StackError(f"the dashboard gave no login link: {error}") from None
