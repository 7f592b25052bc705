"""`make up` as somebody with a bot meets it: the README's bot, the first bubble, and a collector that is there the next time."""

import asyncio
import re
import signal
import stat
from pathlib import Path
from typing import Any

from collector.build import BuildError, find
from stack.simulators.telegram.server import TelegramServer
from tests.acceptance.test_main_job import until
from tests.support.launched import Launched, bot_process, free_ports, sign_in, ten_line_bot
from tests.support.tools import lacking

# Plays `go env GOVERSION` and `go install`; the builder it installs takes the collector that is built already: minutes less.
GO = """#!/bin/sh
case "$1" in
env) echo go1.26.8 ;;
install)
  printf '#!/bin/sh\\nmkdir sources\\ncp {binary} sources/otelcol-chattrail\\n' > "$GOBIN/builder"
  chmod +x "$GOBIN/builder" ;;
esac
"""


def stub_go(folder: Path) -> None:
    try:
        binary = find()
    except BuildError as error:
        lacking(str(error))
    folder.mkdir()
    (folder / "go").write_text(GO.format(binary=binary))
    (folder / "go").chmod(stat.S_IRWXU)


async def chat(up: Launched, folder: Path, person_id: int, endpoint: str) -> list[str]:
    """Run the README's bot, let a person write to it, and return the texts of the trail once it has the answer."""
    async with TelegramServer(token="42:TEST") as telegram:
        with bot_process(ten_line_bot(), folder, telegram.url, telegram.token, endpoint):
            ann = telegram.person(person_id, name="Ann")
            await ann.send("hello")
            await ann.wait(lambda message: message.text == "You said: hello", timeout=60)

            async def trail() -> list[dict[str, Any]]:
                answer = await asyncio.to_thread(up.get, f"users/{person_id}/events?order=asc")
                events = list(answer.json()["events"]) if answer.status_code == 200 else []
                return events if len(events) > 1 else []

            return [event["text"] for event in await until("the first bubbles", trail)]


async def test_a_bot_of_ones_own_from_the_first_start_to_the_second(tmp_path: Path) -> None:
    stub_go(tmp_path / "tools")
    data, ports = tmp_path / "data", free_ports()
    environment = {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PATH": f"{tmp_path / 'tools'}:/usr/bin:/bin",
        "CHATTRAIL_STACK_BUILD_COLLECTOR": "true",
    }
    endpoint = f"http://127.0.0.1:{ports['CHATTRAIL_COLLECTOR_HTTP_PORT']}"
    up = Launched("up", data, ports, **environment)
    try:
        await asyncio.to_thread(sign_in, await asyncio.to_thread(up.login_link))
        assert "Events travel: bot → sidecar → ClickHouse" in up.text
        assert f"sends its events to {endpoint} (OTLP over HTTP)" in up.text
        assert re.search(
            r"^    import chattrail.aiogram\n    chattrail.aiogram.instrument\(dispatcher, bot, ", up.text, re.M
        )
        assert await chat(up, tmp_path, 1001, endpoint) == ["hello", "You said: hello"]
        demo = Launched("demo", data, ports)
        assert await asyncio.to_thread(demo.wait) == 1
        refused = f"Port {ports['CHATTRAIL_WEB_PORT']} for Dashboard is taken by `make up` (process {up.pid})"
        assert refused in demo.text
        await asyncio.to_thread(up.wait_for, "^Collector: the next start puts it between")
        family = up.family()
        code = await asyncio.to_thread(up.end, signal.SIGTERM)
    finally:
        up.kill()
    assert code == 0, up.text
    assert not [process for process in family if process.is_running()], "something was left behind"
    assert [path.name for path in (tmp_path / "cache").rglob("building-*")] == []
    secrets = (up.data / "secrets.json").read_bytes()

    again = Launched("up", data, ports, **environment)
    try:
        await asyncio.to_thread(sign_in, await asyncio.to_thread(again.login_link))
        assert "Events travel: bot → collector → sidecar → ClickHouse" in again.text
        assert f"OpenTelemetry Collector on port {ports['CHATTRAIL_COLLECTOR_HTTP_PORT']}" in again.text
        assert f"sends its events to {endpoint} " in again.text, "no bot is to be set anew"
        people = await asyncio.to_thread(again.users, 1)
        assert [user["client_id"] for user in people["users"]] == ["1001"]
        assert await asyncio.to_thread(again.end) == 0
    finally:
        again.kill()
    assert (again.data / "secrets.json").read_bytes() == secrets
    assert "Collector:" not in again.text, "it is built once"
