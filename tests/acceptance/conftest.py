"""Fixtures of the acceptance tests: every part as a process, laid out as the launcher lays them out."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from stack.process import kill_group
from stack.secrets import Secrets, load_or_make
from stack.services import DEMO_TOKEN, Plan, plan
from stack.settings import StackSettings
from stack.simulators.telegram.server import TelegramServer
from stack.supervisor import Supervisor
from tests.support.launched import free_ports
from web.build import build


@pytest.fixture(autouse=True)
def _only_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("CHATTRAIL_", "OTEL_", "BOT_TOKEN", "CLOUDFLARE")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def _assets() -> None:
    build()


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything running: a Telegram in this process, the rest in their own."""

    telegram: TelegramServer
    secrets: Secrets
    web_url: str
    layout: Plan
    supervisor: Supervisor

    async def kill(self, *names: str) -> None:
        """Kill services outright, workers included."""
        for running in self.supervisor.running:
            if running.service.name in names:
                kill_group(running.process.pid)
                await running.process.wait()

    async def api(self, path: str, **parameters: Any) -> httpx.Response:
        """GET a path of the JSON API with the token."""
        headers = {"Authorization": f"Bearer {self.secrets.api_token}"}
        async with httpx.AsyncClient(timeout=20) as client:
            return await client.get(f"{self.web_url}/api/analytics/{path}", params=parameters, headers=headers)

    async def events(self, person_id: int) -> list[dict[str, Any]]:
        """A person's events, oldest first; none while the person is unknown."""
        answer = await self.api(f"users/{person_id}/events", limit=200, order="asc")
        return list(answer.json()["events"]) if answer.status_code == 200 else []


@asynccontextmanager
async def whole_stack(
    data: Path, *, collector: bool = True, cloudflare: str = "", without: tuple[str, ...] = (), **bot: str
) -> AsyncIterator[Whole]:
    """Run every part on free ports, but for those named; `bot` are settings of the persona bot."""
    settings = StackSettings.load({**free_ports(), "CHATTRAIL_STACK_DATA": str(data), "CLOUDFLARE": cloudflare})
    secrets = load_or_make(data / "secrets.json")
    layout = plan(settings, secrets, data, simulated=True, collector=collector)
    services = [
        replace(service, env={**service.env, **bot}) if service.name == "bot" else service
        for service in layout.services
        if service.name not in ("telegram", *without)
    ]
    supervisor = Supervisor(data / "logs", Console(file=io.StringIO()))
    async with (
        TelegramServer(token=DEMO_TOKEN, port=settings.simulation_port) as telegram,
        supervisor.started(services, asyncio.Event()),
    ):
        yield Whole(telegram, secrets, f"http://127.0.0.1:{settings.web_port}", layout, supervisor)
