"""Arbitrary bytes in headers, sent to the real servers: an answer below 500, and they go on.

A request whose end can't be known may find its connection closed instead.
"""

import http.client
import select
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.browser.stack import Part
from tests.support.embedded import EmbeddedClickHouse
from tests.support.header_values import headers, is_well_formed
from tests.support.raw_http import Answer, connected, read_answer, read_interim
from tests.support.web_support import running_web, static_path

FEW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CHUNKS = st.sampled_from(
    [b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"x\r\n", b"-1\r\n\r\n", b"5;\r\nhello\r\n", b"5\r\nhell"]
)


def answer_of(url: str, method: str, path: str, given: Mapping[str, str], body: bytes) -> Answer:
    """The answer to a request made of these bytes."""
    lines = {"Host": "localhost", "Connection": "close", **given}
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    whole = is_well_formed(given, body)
    with connected(url) as client:
        try:
            client.sendall(head.encode("latin-1") + b"\r\n" + body)
            # it may wait for more of a body: there is none; a server may take this end for the client's having left
            if not whole and not select.select([client], [], [], 0.3)[0]:
                client.shutdown(socket.SHUT_WR)
            answer = read_answer(client)
        except (ConnectionError, http.client.IncompleteRead):  # it closed before it had read all of it
            answer = Answer()
    assert answer.status or not whole, "a request without a fault got no answer"
    return answer


def known(client: httpx.Client) -> dict[str, str]:
    """The headers by which embedded ClickHouse knows a client."""
    return {name: client.headers[name] for name in ("X-ClickHouse-Key",) if name in client.headers}


def goes_on(client: httpx.Client, path: str) -> bool:
    return client.get(path).status_code == 200


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        running_web(tmp_path_factory.mktemp("web"), read_timeout_s="2") as part,
        httpx.Client(base_url=part.url, timeout=60) as client,
    ):
        yield client


@pytest.mark.parametrize(
    "chunk", [b"x\r\nhello\r\n", b"-1\r\n\r\n", b"5\r\nhello there\r\n", b"ffffffffffffffffffffff\r\nhello\r\n"]
)
@pytest.mark.parametrize(
    ("server", "path"),
    [
        ("web", "/login"),
        ("sidecar", "/v1/logs"),
        ("embedded", "/?query=INSERT+INTO+t+FORMAT+TSV"),
    ],
)
def test_chunks_that_are_none_are_400(server: str, path: str, chunk: bytes, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue(server)
    url = str(client.base_url)
    given = {"Transfer-Encoding": "chunked", "Content-Type": "application/x-protobuf", **known(client)}
    assert answer_of(url, "POST", path, given, chunk).status == 400
    # the same when the request is being worked on already
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**given, "Expect": "100-continue"}.items())
    with connected(url) as raw:
        raw.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
        assert read_interim(raw).startswith(b"HTTP/1.1 100 ")
        raw.sendall(chunk)
        assert read_answer(raw).status == 400


@FEW
@given(
    given=headers,
    request=st.sampled_from(
        [
            ("GET", "/login"),
            ("GET", "/analytics"),
            ("GET", static_path("app.css")),
            ("POST", "/login"),
            ("POST", "/logout"),
        ]
    ),
    body=st.one_of(st.just(b""), CHUNKS),
)
def test_the_dashboard(web: httpx.Client, given: dict[str, str], request: tuple[str, str], body: bytes) -> None:
    if request[1] == "/analytics":
        given = {"HX-Request": "true", **given}
    assert answer_of(str(web.base_url), *request, given, body).status < 500
    assert goes_on(web, "/healthz")


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        EmbeddedClickHouse(tmp_path_factory.mktemp("embedded"), IDLE_TIMEOUT_S="2", BODY_PATIENCE_S="2") as server,
        httpx.Client(base_url=server.base_url, headers={"X-ClickHouse-Key": server.password}, timeout=60) as client,
    ):
        yield client


@FEW
@given(given=headers, body=st.one_of(st.just(b""), CHUNKS))
def test_embedded_clickhouse(embedded: httpx.Client, given: dict[str, str], body: bytes) -> None:
    given = {**known(embedded), **given}
    answer = answer_of(str(embedded.base_url), "POST", "/?query=SELECT+1+FORMAT+TSV", given, body)
    # ClickHouse answers 500 for most of its numbered errors; 1002 is a fault that has no number
    assert answer.status != 500 or "X-ClickHouse-Exception-Code" in answer.headers
    assert b"UNKNOWN_EXCEPTION" not in answer.body
    assert goes_on(embedded, "/ping")


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp("sidecar")
    settings = {"PLUGINS": "debug", "PORT": "0", "DATA": str(folder), "READ_TIMEOUT_S": "2", "IDLE_TIMEOUT_S": "2"}
    environment = {f"CHATTRAIL_SIDECAR_{name}": value for name, value in settings.items()}
    part = Part("sidecar", r"listening on (http://\S+)", environment)
    try:
        with httpx.Client(base_url=part.wait(), timeout=60) as client:
            yield client
    finally:
        part.stop()


@FEW
@given(
    given=headers, path=st.sampled_from(["/v1/logs", "/v1/traces", "/nowhere"]), body=st.one_of(st.just(b""), CHUNKS)
)
@example(given={"Expect": "Í"}, path="/v1/logs", body=b"")
@example(given={"Expect": "Í"}, path="/nowhere", body=b"")
def test_the_sidecar(sidecar: httpx.Client, given: dict[str, str], path: str, body: bytes) -> None:
    given = {"Content-Type": "application/x-protobuf", **given}
    answer = answer_of(str(sidecar.base_url), "POST", path, given, body)
    assert answer.status < 500 or (answer.status == 503 and b"the body did not arrive in time" in answer.body)
    assert goes_on(sidecar, "/healthz")
