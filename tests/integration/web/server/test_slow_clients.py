"""Clients that hold connections, and a ClickHouse that does not answer: the dashboard goes on for everybody else."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.browser.stack import Part, wait_until
from tests.support.embedded import EmbeddedClickHouse
from tests.support.raw_http import connected, read_answer, read_interim
from tests.support.slow_clients import SILENT, SlowClients, half_a_body, half_a_head, no_reader
from tests.support.web_stage import web_stage
from tests.support.web_support import BEARER, PASSWORD, SAME, running_web, static_path

SLOW = [SILENT, half_a_head(), half_a_body(), no_reader(static_path("app.js"))]
ALL = {"connections_per_address": "2000", "connections": "2000"}


def served(part: Part) -> None:
    """What a person needs answers: the health check, a static file, a login, which reads a body."""
    with httpx.Client(base_url=part.url, timeout=60) as client:
        assert client.get("/healthz").text == "ok\n"
        assert client.get(static_path("app.js")).status_code == 200
        assert client.post("/login", data={"password": PASSWORD}, headers=SAME).status_code == 303


def test_500_slow_clients_keep_nobody_out(tmp_path: Path) -> None:
    with running_web(tmp_path) as part, SlowClients(part.url, SLOW, 125):
        served(part)


def test_500_slow_clients_that_are_all_let_in_keep_nobody_out(tmp_path: Path) -> None:
    with (
        running_web(tmp_path, read_timeout_s="60", **ALL) as part,
        SlowClients(part.url, [SILENT, half_a_head(), half_a_body()], 167) as slow,
    ):
        served(part)
        assert slow.open == 501


def test_a_head_and_a_body_must_arrive_in_time(tmp_path: Path) -> None:
    with (
        running_web(tmp_path, read_timeout_s="1") as part,
        SlowClients(part.url, [SILENT, half_a_head(), half_a_body()], 3) as slow,
    ):
        wait_until(lambda: slow.open == 0)
        served(part)


def test_one_address_may_let_so_many_connections_wait_and_the_oldest_are_closed(tmp_path: Path) -> None:
    with (
        running_web(tmp_path, read_timeout_s="60", connections_per_address="10") as part,
        SlowClients(part.url, [half_a_head()], 30) as slow,
    ):
        wait_until(lambda: slow.open <= 10)
        served(part)


def test_behind_proxies_only_the_number_in_all_is_limited(tmp_path: Path) -> None:
    many = {"read_timeout_s": "60", "connections_per_address": "10", "connections": "30", "proxies": "1"}
    with running_web(tmp_path, **many) as part:
        with SlowClients(part.url, [half_a_head()], 20) as slow:
            served(part)
            assert slow.open == 20
        with SlowClients(part.url, [half_a_head()], 60) as slow:
            wait_until(lambda: slow.open <= 30)
            served(part)


def test_large_images_that_nobody_reads_hold_no_thread(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> None:
    size = 24 << 20  # more than the system takes for a client that does not read
    with web_stage(clickhouse, tmp_path) as stage:
        stage.images.mkdir(exist_ok=True)
        (stage.images / "large.jpg").write_bytes(os.urandom(size))
        path = f"/images/{stage.archived('directory', 'large.jpg')}"
        with (
            running_web(tmp_path / "web", stage.readonly_url, images_directory=str(stage.images)) as part,
            httpx.Client(timeout=60) as client,
        ):
            client.post(f"{part.url}/login", data={"password": PASSWORD}, headers=SAME)
            cookie = f"Cookie: chattrail={client.cookies['chattrail']}\r\n"
            with SlowClients(part.url, [no_reader(path, cookie)], 40):
                served(part)
                whole = client.get(f"{part.url}{path}")
                assert (whole.status_code, len(whole.content)) == (200, size)
                part_of_it = client.get(f"{part.url}{path}", headers={"Range": "bytes=5-9"})
                assert (part_of_it.status_code, part_of_it.content) == (206, whole.content[5:10])
                assert client.head(f"{part.url}{path}").headers["Content-Length"] == str(size)
            log = "".join(part.output)
    assert "unexpected" not in log
    assert "Traceback" not in log


def test_static_files_and_health_do_not_wait_behind_queries(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> None:
    with (
        running_web(tmp_path, clickhouse.readonly_url, threads="1", query_timeout_s="2") as part,
        ThreadPoolExecutor(80) as pool,
    ):

        def ask(_: int) -> httpx.Response:
            return httpx.get(f"{part.url}/api/analytics/stats", headers=BEARER, timeout=60)

        def refused() -> bool:
            return any(answer.done() for answer in asked)

        os.kill(clickhouse.pid, signal.SIGSTOP)
        try:
            asked = [pool.submit(ask, number) for number in range(80)]  # 1 at work, 32 wait, the rest is refused
            wait_until(refused)
            with httpx.Client(base_url=part.url, timeout=60) as client:
                assert client.get("/healthz").status_code == 200
                assert client.get(static_path("app.css")).status_code == 200
                assert client.get("/login").status_code == 200
            assert not all(answer.done() for answer in asked)  # queries were waited for all the time
            answers = [answer.result() for answer in asked]
        finally:
            os.kill(clickhouse.pid, signal.SIGCONT)
    assert {answer.status_code for answer in answers} == {503}
    kinds = [answer.json()["type"].rpartition(":")[2] for answer in answers]
    assert kinds.count("busy") > 40
    assert "store-unavailable" in kinds
    assert all(answer.headers["Retry-After"] == "5" for answer in answers)


def test_a_request_on_its_way_is_answered_before_the_end(tmp_path: Path) -> None:
    with running_web(tmp_path) as part:
        form = f"password={PASSWORD.replace(' ', '+')}".encode()
        head = (
            f"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(form)}\r\nExpect: 100-continue\r\n\r\n"
        )
        with connected(part.url) as client:
            client.sendall(head.encode())
            assert read_interim(client).startswith(b"HTTP/1.1 100 ")  # it waits for the body
            part.signal(signal.SIGTERM)
            wait_until(lambda: not listens(part.url))
            client.sendall(form)
            answer = read_answer(client)
            assert (answer.status, answer.headers["Connection"]) == (303, "close")
            assert client.recv(100) == b""


def listens(url: str) -> bool:
    try:
        connected(url).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("announced", [70_000, 3_000_000])
def test_a_body_over_the_limit_is_413_also_before_it_has_arrived(tmp_path: Path, announced: int) -> None:
    with running_web(tmp_path) as part, httpx.Client(base_url=part.url, timeout=60) as client:
        headers = {**BEARER, "Expect": "100-continue"}
        if announced < 1_000_000:
            answer = client.post("/api/login-links", content=b" " * announced, headers=headers)
            assert answer.json()["type"] == "urn:chattrail:problem:request-entity-too-large"
            assert answer.status_code == 413
            chunked = client.post("/api/login-links", content=iter([b" " * 10_000] * 7), headers=BEARER)
            assert chunked.status_code == 413
        else:
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            with connected(part.url) as raw:
                raw.sendall(
                    f"POST /api/login-links HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: {announced}\r\n\r\n".encode()
                )
                assert read_answer(raw).status == 413
