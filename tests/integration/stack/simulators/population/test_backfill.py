"""The backfill command against a real OTLP receiver: complete, repeatable, and loud when something would be lost."""

import asyncio
import os
import socket
import sys
from collections import Counter
from datetime import UTC, datetime

import pytest

from stack.simulators.population import backfill
from tests.support.fakes.otlp_receiver import OtlpReceiver, Received
from tests.support.paths import ROOT

ARGUMENTS = ["--days", "20", "--people", "25", "--seed", "5", "--until", "2026-03-01T12:00:00Z"]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)


def run(monkeypatch: pytest.MonkeyPatch, endpoint: str, *arguments: str) -> int:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    return backfill.main([*ARGUMENTS, *arguments])


def test_everything_arrives_with_true_times_and_a_second_run_repeats_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: list[list[Received]] = []
    for _ in range(2):
        with OtlpReceiver() as receiver:
            assert run(monkeypatch, receiver.url) == 0
            runs.append(receiver.records)
    first, second = runs
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith(f"backfilled {len(first):,} events of 25 people in 20 days until 2026-03-01 12:00 UTC: ")
    assert f"{Counter(record.type for record in first)['user_message']:,} user_message" in line
    assert len(first) > 800

    ids = [record.attributes["event.id"] for record in first]
    assert len(set(ids)) == len(ids)
    assert [(r.event_name, r.timestamp, r.attributes, r.resource) for r in first] == [
        (r.event_name, r.timestamp, r.attributes, r.resource) for r in second
    ]
    assert [record.attributes["event.sequence"] for record in first] == list(range(1, len(first) + 1))
    assert {record.resource["service.name"] for record in first} == {"chattrail-bot"}
    updates = [record.attributes["telegram.update.id"] for record in first]
    assert set(updates) == set(range(min(updates), max(updates) + 1))
    times = [datetime.fromtimestamp(record.timestamp / 1e9, UTC) for record in first]
    assert times == sorted(times)
    assert datetime(2026, 2, 9, tzinfo=UTC) < times[0] < times[-1] < datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_sessions_personas_and_images_are_those_of_a_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    with OtlpReceiver() as receiver:
        assert run(monkeypatch, receiver.url) == 0
        records = receiver.records
    sessions: dict[str, list[int]] = {}
    for record in records:
        assert record.attributes["telegram.chat.id"] == int(record.attributes["user.id"])
        assert record.attributes["telegram.user.name"]
        sessions.setdefault(record.attributes["session.id"], []).append(record.timestamp)
    assert len(sessions) > 60
    assert all(max(times) - min(times) < 6 * 3600e9 for times in sessions.values())
    answers = [record for record in records if "gen_ai.response.model" in record.attributes]
    assert all(record.attributes["chattrail.persona.id"] for record in answers)
    images = [record.attributes.get("chattrail.image.data") for record in records if record.type == "image_generated"]
    assert any(data and data.startswith(b"\xff\xd8\xff") for data in images)


def test_a_busy_receiver_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "IN_FLIGHT", 700)
    with OtlpReceiver() as receiver:
        receiver.fail(503, times=2, retry_after="0.1")
        assert run(monkeypatch, receiver.url) == 0
        ids = {record.attributes["event.id"] for record in receiver.records}
        assert len(ids) == max(record.attributes["event.sequence"] for record in receiver.records)


def test_a_receiver_that_refuses_makes_it_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with OtlpReceiver() as receiver:
        receiver.fail(401)
        assert run(monkeypatch, receiver.url) == 1
    assert "Events were lost" in capsys.readouterr().err


def test_without_a_receiver_the_error_names_the_variable_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(backfill, "STALLED_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert run(monkeypatch, f"http://127.0.0.1:{port}") == 1
    output = " ".join(capsys.readouterr().err.split())
    assert f"Nobody took an event at http://127.0.0.1:{port}" in output
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in output


def test_wrong_settings_and_arguments_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "nowhere") == 2
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in capsys.readouterr().err
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert run(monkeypatch, "http://127.0.0.1:1") == 2
    assert "OTEL_SDK_DISABLED" in capsys.readouterr().err
    for wrong in (["--days", "0"], ["--until", "yesterday"]):
        with pytest.raises(SystemExit) as ended:
            backfill.main(wrong)
        assert ended.value.code == 2
        assert wrong[0] in capsys.readouterr().err


async def test_the_command_runs_as_a_module() -> None:
    with OtlpReceiver() as receiver:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "stack.simulators.population.backfill", "--days", "5", "--people", "3"),
            env=os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url},
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, errors.decode()
        assert f"backfilled {len(receiver.records):,} events of 3 people in 5 days" in out.decode()
