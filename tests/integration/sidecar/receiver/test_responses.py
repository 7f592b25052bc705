"""The receiver over real HTTP: every status and encoding, as the OTLP/HTTP specification words them."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable

import aiohttp
import pytest
from backports import zstd
from google.rpc.status_pb2 import Status
from multidict import CIMultiDictProxy
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from sidecar.errors import PermanentError, RetryableError
from sidecar.pipeline.pipeline import Stage
from sidecar.receiver.responses import JSON, PROTOBUF
from sidecar.telemetry import metrics as telemetry
from tests.support import otlp
from tests.support.receivers import Recorder, Running, receiving, until

BODY = otlp.request(otlp.event("user_message", attributes={"chattrail.message.text": "secret words"}))
JSON_BODY = json.dumps(
    {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"eventName": "chattrail.command", "timeUnixNano": "1"}]}]}]}
).encode()
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "deflate": zlib.compress,
    "GZIP": gzip.compress,
}


async def post(
    running: Running, body: bytes, content_type: str = PROTOBUF, encoding: str = "", **headers: str
) -> tuple[int, CIMultiDictProxy[str], bytes]:
    given = {"Content-Type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if encoding:
        given["Content-Encoding"] = encoding
    async with aiohttp.ClientSession() as session, session.post(running.logs, data=body, headers=given) as answer:
        return answer.status, answer.headers, await answer.read()


def message_of(body: bytes) -> str:
    return str(Status.FromString(body).message)


@pytest.mark.parametrize("encoding", COMPRESS)
async def test_protobuf_in_every_encoding(encoding: str) -> None:
    recorder = Recorder()
    async with receiving(Stage("recorder", recorder, True)) as running:
        status, headers, answer = await post(running, COMPRESS[encoding](BODY), encoding=encoding)
    assert (status, headers["Content-Type"]) == (200, PROTOBUF)
    assert ExportLogsServiceResponse.FromString(answer) == ExportLogsServiceResponse()
    assert [batch.body for batch in recorder.batches] == [BODY]
    assert running.metrics.value(telemetry.RECEIVED_RECORDS) == 1


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8"])
async def test_json_becomes_the_same_batch(content_type: str) -> None:
    recorder = Recorder()
    async with receiving(Stage("recorder", recorder, True)) as running:
        status, headers, answer = await post(running, gzip.compress(JSON_BODY), content_type, "gzip")
    assert (status, headers["Content-Type"].split(";")[0], json.loads(answer)) == (200, JSON, {})
    assert recorder.batches[0].events(frozenset({"command"}))[0].timestamp == 1


@pytest.mark.parametrize("body", [b"", otlp.request()])
async def test_a_request_without_records_is_fine(body: bytes) -> None:
    recorder = Recorder()
    async with receiving(Stage("recorder", recorder, True)) as running:
        assert (await post(running, body))[0] == 200
        assert (await post(running, b"{}", JSON))[0] == 200
    assert recorder.batches == []


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "status", "message"),
    [
        (b"\xff\xff\xff", PROTOBUF, "", 400, "not an OTLP ExportLogsServiceRequest"),
        (BODY[:-3], PROTOBUF, "", 400, "not an OTLP"),
        (b"\x02\x00" + BODY, PROTOBUF, "", 400, "not an OTLP"),  # a field numbered 0
        (b"not gzip", PROTOBUF, "gzip", 400, "not valid gzip"),
        (gzip.compress(BODY)[:-9], PROTOBUF, "gzip", 400, "truncated"),
        (zstd.compress(BODY)[:-3], PROTOBUF, "zstd", 400, "truncated"),
        (b'{"resourceLogs": 7}', JSON, "", 400, "body.resourceLogs: expected an array"),
        (BODY, "text/plain", "", 415, "Content-Type must be"),
        (BODY, PROTOBUF, "br", 415, "Content-Encoding must be"),
        (BODY, PROTOBUF, "gzip, gzip", 415, "Content-Encoding must be"),
    ],
)
async def test_what_is_refused_for_good(
    body: bytes, content_type: str, encoding: str, status: int, message: str
) -> None:
    recorder = Recorder()
    async with receiving(Stage("recorder", recorder, True)) as running:
        got, headers, answer = await post(running, body, content_type, encoding)
    if content_type == PROTOBUF:
        assert headers["Content-Type"] == PROTOBUF
        text = message_of(answer)
    else:
        assert headers["Content-Type"].startswith(JSON)
        text = json.loads(answer)["message"]
    assert got == status
    assert message in text
    assert "secret" not in text
    assert recorder.batches == []


async def test_other_paths_methods_and_signals() -> None:
    async with receiving(Stage("recorder", Recorder(), True)) as running, aiohttp.ClientSession() as session:
        for method, path, status, message in [
            ("GET", "/v1/logs", 405, "takes POST only"),
            ("POST", "/v1/traces", 404, "keeps logs only: send traces elsewhere"),
            ("POST", "/v1/metrics", 404, "keeps logs only: send metrics elsewhere"),
            ("POST", "/v1/log", 404, "POST /v1/logs"),
            ("GET", "/nowhere", 404, "nothing here"),
        ]:
            async with session.request(method, running.url + path, headers={"Content-Type": PROTOBUF}) as answer:
                assert answer.status == status, path
                assert message in message_of(await answer.read())
                assert answer.headers.get("Allow", "POST") == "POST"
                assert answer.headers["Server"] == "chattrail"


async def test_the_token_is_asked_for_before_the_body_is_looked_at() -> None:
    recorder = Recorder()
    async with receiving(Stage("recorder", recorder, True), token="the-right-one") as running:
        status, headers, answer = await post(running, b"rubbish")
        assert status == 401
        assert headers["WWW-Authenticate"].startswith("Bearer")
        assert "CHATTRAIL_SIDECAR_TOKEN" in message_of(answer)
        # who has one at all may have yesterday's: a final answer would cost a collector its queue
        for authorization in ("Bearer wrong", "Bearer", "Basic dGhlLXJpZ2h0LW9uZQ==", "the-right-one", "Bearer ÿ"):
            status, headers, answer = await post(running, b"rubbish", Authorization=authorization)
            assert status == 503
            assert 5 <= int(headers["Retry-After"]) <= 20
            assert "CHATTRAIL_SIDECAR_TOKEN" in message_of(answer)
            assert "the-right-one" not in message_of(answer)
        assert (await post(running, BODY, Authorization="Bearer the-right-one"))[0] == 200
        assert (await post(running, BODY, Authorization="bearer the-right-one"))[0] == 200
        assert (await post(running, b"rubbish", Authorization="Bearer the-right-one"))[0] == 400
        async with aiohttp.ClientSession() as session, session.get(running.url + "/healthz") as health:
            assert health.status == 200
    assert len(recorder.batches) == 2


async def test_too_large_on_the_wire_announced_or_not() -> None:
    async with receiving(Stage("recorder", Recorder(), True), max_body_bytes=4096) as running:
        status, _, answer = await post(running, b"x" * 5000)
        assert status == 413
        assert "CHATTRAIL_SIDECAR_MAX_BODY_BYTES" in message_of(answer)

        async def chunks() -> "asyncio.AsyncIterator[bytes]":  # type: ignore[name-defined]
            for _ in range(6):
                yield b"x" * 1000

        async with (
            aiohttp.ClientSession() as session,
            session.post(running.logs, data=chunks(), headers={"Content-Type": PROTOBUF}) as response,
        ):
            assert response.status == 413
        assert running.metrics.value(telemetry.IN_FLIGHT_BYTES) == 0


async def test_a_retryable_plugin_answers_503_and_readiness_says_why() -> None:
    recorder = Recorder()
    recorder.raises = RetryableError("the peer is away", after=2.2)
    async with receiving(Stage("sink", recorder, True)) as running:
        status, headers, answer = await post(running, BODY)
        assert (status, int(headers["Retry-After"]) in (3, 4)) == (503, True)
        assert message_of(answer) == "sink: the peer is away"
        async with aiohttp.ClientSession() as session, session.get(running.url + "/readyz") as ready:
            assert ready.status == 503
            assert (await ready.json())["plugins"] == [
                {"name": "sink", "required": True, "ready": False, "reason": "the peer is away"}
            ]
        recorder.raises = None
        assert (await post(running, BODY))[0] == 200
        async with aiohttp.ClientSession() as session, session.get(running.url + "/readyz") as ready:
            assert (ready.status, (await ready.json())["ready"]) == (200, True)


async def test_a_permanent_plugin_answers_400_and_a_surprise_503_without_contents(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder()
    async with receiving(Stage("sink", recorder, True)) as running:
        recorder.raises = PermanentError("no such column")
        status, _, answer = await post(running, BODY)
        assert (status, message_of(answer)) == (400, "sink: no such column")
        recorder.raises = KeyError("secret words")
        status, headers, answer = await post(running, BODY)
        assert (status, int(headers["Retry-After"]) in (1, 2)) == (503, True)
        assert "secret" not in message_of(answer)
    assert "KeyError" in caplog.text
    assert "secret" not in caplog.text


async def test_above_the_bound_of_bytes_in_flight_senders_are_sent_away() -> None:
    recorder = Recorder()
    recorder.latch.clear()
    sink = Stage("sink", recorder, True)
    async with receiving(sink, max_body_bytes=40_000, max_inflated_bytes=40_000, max_in_flight_bytes=80_000) as running:
        bodies = [otlp.request(otlp.event("user_message", attributes={"text": "x" * 30_000})) for _ in range(3)]
        first = [asyncio.create_task(post(running, body)) for body in bodies[:2]]
        await until(lambda: recorder.entered == 2)
        status, headers, _ = await post(running, bodies[2])
        assert (status, int(headers["Retry-After"]) in (1, 2)) == (429, True)
        recorder.latch.set()
        assert [(await task)[0] for task in first] == [200, 200]
        assert (await post(running, bodies[2]))[0] == 200
        assert running.metrics.value(telemetry.IN_FLIGHT_BYTES) == 0


async def test_the_same_body_in_flight_twice_is_handled_once() -> None:
    recorder = Recorder()
    recorder.latch.clear()
    async with receiving(Stage("sink", recorder, True)) as running:
        sends = [asyncio.create_task(post(running, BODY)) for _ in range(3)]
        await until(lambda: running.metrics.value(telemetry.COALESCED) == 2)
        recorder.latch.set()
        assert [(await send)[0] for send in sends] == [200, 200, 200]
        assert recorder.entered == 1
        assert (await post(running, BODY))[0] == 200  # later it is a redelivery, which plugins tolerate
        assert recorder.entered == 2


async def test_a_sender_that_hangs_up_or_dawdles_frees_its_bytes() -> None:
    async with receiving(Stage("sink", Recorder(), True), read_timeout_s=0.3) as running:
        head = (
            f"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 5000\r\n\r\nabc".encode()
        )
        port = int(running.url.rsplit(":", 1)[1])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        await until(
            lambda: running.metrics.value(telemetry.IN_FLIGHT_BYTES) == 3
        )  # what arrived, not what is announced
        writer.close()
        await until(lambda: running.metrics.value(telemetry.IN_FLIGHT_BYTES) == 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        assert b" 503 " in await asyncio.wait_for(reader.readline(), 5)
        writer.close()
        assert running.metrics.value(telemetry.IN_FLIGHT_BYTES) == 0


async def test_until_start_succeeded_requests_are_sent_away_with_the_reason() -> None:
    recorder = Recorder()
    recorder.start_raises = [RetryableError("no route to the database", after=0.5)]
    async with receiving(Stage("sink", recorder, True), wait=False) as running, aiohttp.ClientSession() as session:
        await until(lambda: running.pipeline.reasons()["sink"] == "no route to the database")
        status, headers, answer = await post(running, BODY)
        assert status == 503
        assert int(headers["Retry-After"]) >= 1
        assert "no route to the database" in message_of(answer)
        async with session.get(running.url + "/healthz") as alive:
            assert alive.status == 200
        await asyncio.wait_for(running.pipeline.started(), 10)
        assert (await post(running, BODY))[0] == 200
