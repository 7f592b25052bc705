"""Addresses that people write with a slash too many, pages of other origins, and bodies that are no logs."""

import asyncio
import http.client
import json
import logging

import aiohttp
import pytest

from sidecar.pipeline.pipeline import Stage
from sidecar.receiver.responses import JSON, PROTOBUF
from sidecar.settings import SidecarSettings
from tests.support import otlp
from tests.support.receivers import Recorder, receiving

PAGE = "https://app.example"
BODY = otlp.request(otlp.event("command"))


def asked(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> http.client.HTTPResponse:
    """The answer to a request whose path goes out as it stands here."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


@pytest.mark.parametrize("path", ["//v1/logs", "/v1/logs/", "///v1//logs//", "/v1/logs/?x=1", "/v1/logs"])
async def test_a_slash_too_many_is_the_same_address(path: str) -> None:
    recorder = Recorder()
    async with receiving(Stage("recorder", recorder, True)) as running:
        answer = await asyncio.to_thread(asked, running.url, "POST", path, BODY, Content_Type=PROTOBUF)
        other = await asyncio.to_thread(asked, running.url, "POST", f"/x{path}", BODY, Content_Type=PROTOBUF)
        traces = await asyncio.to_thread(asked, running.url, "POST", path.replace("logs", "traces"), BODY)
    assert (answer.status, other.status, traces.status) == (200, 404, 404)
    assert [batch.body for batch in recorder.batches] == [BODY]


@pytest.mark.parametrize("given", [("https://app.example",), ("https://other.example", "https://app.example"), ("*",)])
async def test_a_page_of_a_named_origin_may_send_and_read_the_answer(given: tuple[str, ...]) -> None:
    recorder = Recorder()
    stage = Stage("recorder", recorder, True)
    async with (
        receiving(stage, cors_origins=given, token="0123456789abcdef") as running,
        aiohttp.ClientSession() as session,
    ):
        ask = {
            "Origin": PAGE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        async with session.options(running.logs, headers=ask) as answer:
            assert answer.status == 204, "a browser shows no token yet"
            assert answer.headers["Access-Control-Allow-Origin"] == ("*" if given == ("*",) else PAGE)
            assert answer.headers["Access-Control-Allow-Methods"] == "POST"
            assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
            assert "Access-Control-Allow-Credentials" not in answer.headers
        headers = {"Origin": PAGE, "Content-Type": PROTOBUF}
        for token, status in (("0123456789abcdef", 200), ("", 401)):
            sent = headers | ({"Authorization": f"Bearer {token}"} if token else {})
            async with session.post(running.logs, data=BODY, headers=sent) as answer:
                assert answer.status == status
                assert answer.headers["Access-Control-Allow-Origin"], "a page may read a refusal, too"
                assert answer.headers["Access-Control-Expose-Headers"] == "Retry-After"
                assert "Access-Control-Allow-Credentials" not in answer.headers
        async with session.get(f"{running.url}/readyz", headers={"Origin": PAGE}) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "given", [(), ("https://other.example",), ("http://app.example",), ("https://app.example:8443",)]
)
async def test_a_page_of_another_origin_may_not(given: tuple[str, ...]) -> None:
    stage = Stage("recorder", Recorder(), True)
    async with receiving(stage, cors_origins=given) as running, aiohttp.ClientSession() as session:
        for origin in (PAGE, "null", ""):
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            async with session.options(running.logs, headers=headers) as answer:
                assert answer.status == (403 if given else 405)
                assert "Access-Control-Allow-Origin" not in answer.headers
            async with session.post(
                running.logs, data=BODY, headers={"Origin": origin, "Content-Type": PROTOBUF}
            ) as answer:
                assert answer.status == 200, "other programs may send an Origin, and no browser lets a page read this"
                assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["app.example", "https://app.example/", "https://APP.example", "https://a b", "https://u@a", "**"]
)
def test_what_is_no_origin_is_refused_with_what_to_write(origin: str) -> None:
    with pytest.raises(ValueError, match="is no origin: write it as a browser sends it"):
        SidecarSettings(cors_origins=(origin,))


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"resourceSpans": [{"secret": 1}]}, "the body has no key of an OTLP logs request: resourceLogs is missing"),
        ([{"secret": 1}], "body: expected an object"),
    ],
)
async def test_a_body_that_is_no_logs_is_refused_and_logged_once(
    document: object, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    with caplog.at_level(logging.WARNING, "sidecar"):
        async with receiving(Stage("recorder", recorder, True)) as running, aiohttp.ClientSession() as session:
            for _ in range(3):
                headers = {"Content-Type": JSON}
                async with session.post(running.logs, data=json.dumps(document), headers=headers) as answer:
                    assert answer.status == 400
                    assert (await answer.json())["message"] == reason
    assert [record.getMessage() for record in caplog.records] == [f"a request was refused for good: {reason}"]
    assert not recorder.batches
