"""Senders that hold connections: the sidecar and embedded ClickHouse go on for everybody else, and end them in time."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sidecar.pipeline.pipeline import Stage
from tests.browser.stack import wait_until
from tests.support.embedded import EmbeddedClickHouse, ask
from tests.support.otlp import event, request
from tests.support.receivers import Recorder, receiving, until
from tests.support.slow_clients import SILENT, SlowClients, half_a_body, half_a_head
from tests.support.web_stage import WebStage, web_stage

PROTOBUF = "Content-Type: application/x-protobuf\r\n"
ANNOUNCED = 16 << 20


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("stage")) as running:
        yield running


def test_500_bodies_that_trickle_keep_nobody_out(stage: WebStage) -> None:
    with SlowClients(stage.sidecar_url, [half_a_body("/v1/logs", ANNOUNCED, PROTOBUF)], 500) as slow:
        assert httpx.get(f"{stage.sidecar_url}/healthz").status_code == 200
        for number in range(5):
            stage.post(request(event("user_message", f"honest-{number}")))  # 200 at the first try
        wait_until(lambda: slow.open == 0)  # at a byte now and then they are too slow
    assert stage.client.command("SELECT uniqExact(user_id) FROM events WHERE user_id LIKE 'honest-%'") == 5


async def test_silent_connections_and_half_heads_are_closed_in_time() -> None:
    async with receiving(Stage("recorder", Recorder(), True), idle_timeout_s=1.0) as running:
        with SlowClients(running.url, [SILENT, half_a_head("/healthz")], 5) as slow:
            await until(lambda: slow.open == 0)


async def test_above_the_limit_those_that_wait_longest_are_closed_and_others_let_in() -> None:
    recorder = Recorder()
    recorder.latch.clear()
    async with receiving(Stage("recorder", recorder, True), max_connections=10) as running:
        headers = {"Content-Type": "application/x-protobuf"}
        body = request(event("user_message"))
        async with httpx.AsyncClient(timeout=60) as client:
            working = asyncio.create_task(client.post(running.logs, content=body, headers=headers))
            await until(lambda: recorder.entered == 1)
            with SlowClients(running.url, [SILENT], 50) as slow:
                await until(lambda: slow.open <= 10)
                assert (await client.get(f"{running.url}/healthz")).status_code == 200
            recorder.latch.set()  # the oldest of all connections, and not closed: its request is worked on
            assert (await working).status_code == 200


def test_embedded_clickhouse_answers_beside_500_slow_clients_and_ends_them(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path, BODY_PATIENCE_S="3", IDLE_TIMEOUT_S="3") as server:
        known = f"/?user=default&password={server.password}&query=INSERT+INTO+t+FORMAT+TSV"
        form = "Content-Type: multipart/form-data; boundary=x\r\n"
        kinds = [
            SILENT,
            half_a_head("/"),
            half_a_body(known, ANNOUNCED, sent=b"1\n"),
            half_a_body(known, ANNOUNCED, form, b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1'),
            half_a_body("/?query=SELECT+1", ANNOUNCED),  # without a password: refused before its body is read
        ]
        with SlowClients(server.base_url, kinds, 100) as slow:
            assert ask(server, "SELECT 1").text == "1\n"
            wait_until(lambda: slow.open == 0)
        wait_until(lambda: not list((server.data / "incoming").iterdir()))
        assert ask(server, "SELECT 2").text == "2\n"


def test_a_body_has_a_time_in_all_however_much_of_it_arrives(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path, BODY_PATIENCE_S="600", BODY_TIME_S="1") as server:
        known = f"/?user=default&password={server.password}&query=INSERT+INTO+t+FORMAT+TSV"
        with SlowClients(server.base_url, [half_a_body(known, ANNOUNCED, sent=b"1\n" * 100_000)], 3) as slow:
            wait_until(lambda: slow.open == 0)
