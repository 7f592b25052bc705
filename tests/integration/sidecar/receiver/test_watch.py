"""Watching a sidecar over HTTP: /metrics for who has the token, and /readyz when most of the input can't be stored."""

from pathlib import Path

import aiohttp

from sidecar.errors import RetryableError
from sidecar.pipeline.pipeline import Stage
from sidecar.receiver.responses import PROTOBUF
from tests.support import otlp
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.receivers import Recorder, SidecarProcess, receiving, until

TOKEN = "a token of the tests"


async def test_metrics_need_the_token_when_there_is_one() -> None:
    async with (
        receiving(Stage("recorder", Recorder(), True), token=TOKEN) as running,
        aiohttp.ClientSession() as session,
    ):
        for headers, status in (
            ({}, 401),
            ({"Authorization": "Bearer x"}, 401),
            ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ):
            async with session.get(f"{running.url}/metrics", headers=headers) as answer:
                assert answer.status == status
                said = await answer.text()
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'chattrail_sidecar_requests_total{status="401"} 2\n' in said


async def test_poison_raises_an_alarm_and_is_taken_all_the_same(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> None:
    poison = otlp.request(*(otlp.event("user_message", event_id="x") for _ in range(30)), otlp.event("user_message"))
    with (
        migrated_database(clickhouse) as database,
        SidecarProcess(PLUGINS="clickhouse", CLICKHOUSE_URL=clickhouse.dsn(database), DATA=str(tmp_path)) as sidecar,
    ):
        url = await sidecar.ready()
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/readyz") as answer:
                assert (answer.status, (await answer.json())["alarms"]) == (200, [])
            headers = {"Content-Type": PROTOBUF}
            async with session.post(f"{url}/v1/logs", data=poison, headers=headers) as answer:
                assert answer.status == 200
            async with session.get(f"{url}/readyz") as answer:
                (alarm,) = (await answer.json())["alarms"]
                assert answer.status == 200, "an alarm is no reason to send nothing more"
            assert alarm.startswith("30 of the last 31 records could not be stored")
            async with session.get(f"{url}/metrics") as answer:
                said = await answer.text()
        assert 'chattrail_sidecar_dead_letters_total{reason="event.id is not a UUID"} 30\n' in said
        assert "chattrail_sidecar_poison_alarm 1\n" in said
        assert "chattrail_sidecar_in_flight_bytes 0\n" in said
        assert "chattrail_sidecar_received_records_total 31\n" in said
        assert sidecar.end() == 0
        assert sidecar.text.count("most of the input can't be stored: 30 of the last 31 records") == 1


async def test_readiness_gives_its_reasons_to_who_has_the_token() -> None:
    recorder = Recorder()
    recorder.start_raises = [RetryableError("db.internal:8123 refuses connections", after=30)]
    async with (
        receiving(Stage("recorder", recorder, True), wait=False, token=TOKEN) as running,
        aiohttp.ClientSession() as session,
    ):
        await until(lambda: "db.internal" in running.pipeline.reasons()["recorder"])
        state = {"name": "recorder", "required": True, "ready": False}
        for headers in ({}, {"Authorization": "Bearer x"}):
            async with session.get(f"{running.url}/readyz", headers=headers) as answer:
                assert answer.status == 503
                assert await answer.json() == {"ready": False, "draining": False, "plugins": [state]}
        async with session.get(f"{running.url}/readyz", headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
            said = await answer.json()
        assert said["plugins"] == [{**state, "reason": "db.internal:8123 refuses connections"}]
        assert said["alarms"] == []
