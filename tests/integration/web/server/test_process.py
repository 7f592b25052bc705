"""`python -m web` as a process: start, stop, workers, commands, and a ClickHouse that comes and goes."""

import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from tests.browser.stack import Part, wait_until
from tests.support.embedded import EmbeddedClickHouse
from tests.support.paths import ROOT
from tests.support.web_support import BEARER, PASSWORD, SAME, SECRET_KEY, running_web, static_path, web_environment


def run(*arguments: str, stdin: str | None = None, **environment: str) -> "subprocess.CompletedProcess[str]":
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CHATTRAIL_")}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=plain | environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


def parent(part: Part) -> psutil.Process:
    return psutil.Process(part._process.pid)


def stats(part: Part) -> httpx.Response:
    return httpx.get(f"{part.url}/api/analytics/stats", headers=BEARER, timeout=30)


def test_it_starts_answers_and_stops_in_time_with_nothing_left_behind(tmp_path: Path) -> None:
    with running_web(tmp_path, workers="2") as part:
        wait_until(lambda: len(parent(part).children()) == 2)  # the first worker may be ready before the second began
        everyone = [parent(part), *parent(part).children(recursive=True)]
        with httpx.Client() as idle:  # a kept connection must not hold it up
            assert idle.get(f"{part.url}/healthz").text == "ok\n"
            part._process.send_signal(signal.SIGTERM)
            assert part._process.wait(15) == 0
        assert not psutil.wait_procs(everyone, timeout=1)[1]
    assert sum("web is ready" in line for line in part.output) == 1


def test_sigint_ends_it_too(tmp_path: Path) -> None:
    with running_web(tmp_path) as part:
        part._process.send_signal(signal.SIGINT)
        assert part._process.wait(15) == 0
    assert "Traceback" not in "".join(part.output)


@pytest.mark.parametrize("name", ["SIGINT", "SIGQUIT", "SIGTERM"])
def test_a_signal_while_the_event_loop_is_made_ends_the_worker_in_order(tmp_path: Path, name: str) -> None:
    part = Part(
        "tests.support.signalled_web", r"web is ready at (http://\S+)", web_environment(tmp_path) | {"SIGNAL": name}
    )
    try:
        assert httpx.get(f"{part.wait()}/healthz").status_code == 200, "the worker that followed it"
    finally:
        part.stop()
    output = "".join(part.output)
    assert "Traceback" not in output
    assert "never awaited" not in output


def test_a_killed_worker_is_replaced_and_logins_live_on(tmp_path: Path) -> None:
    with running_web(tmp_path) as part, httpx.Client(base_url=part.url) as client:
        client.post("/login", data={"password": PASSWORD}, headers=SAME)
        assert client.get("/api/analytics/stats").status_code == 503
        (worker,) = parent(part).children()
        worker.kill()

        def answers() -> bool:
            try:
                return client.get("/healthz").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(answers)
        assert client.get("/api/analytics/stats").status_code == 503, "still signed in: 401 otherwise"


def test_a_link_is_spent_once_by_two_workers(tmp_path: Path) -> None:
    with running_web(tmp_path, workers="2") as part:
        for _ in range(5):
            url = httpx.post(f"{part.url}/api/login-links", headers=BEARER).json()["url"]
            assert url.startswith(f"{part.url}/login/link?token=")
            form = {"token": url.partition("token=")[2]}

            def spend(_: int, form: dict[str, str] = form) -> int:
                return httpx.post(f"{part.url}/login/link", data=form, headers=SAME).status_code

            with ThreadPoolExecutor(12) as pool:
                assert sorted(pool.map(spend, range(12))) == [303] + [410] * 11
    assert form["token"] not in "".join(part.output)


def test_login_attempts_are_counted_over_both_workers(tmp_path: Path) -> None:
    with running_web(tmp_path, workers="2") as part:

        def attempt(_: int) -> int:
            return httpx.post(f"{part.url}/login", data={"password": "wrong"}, headers=SAME).status_code

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(attempt, range(16))) == [401] * 5 + [429] * 11


def test_a_taken_port_is_named_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = run("web", **web_environment(tmp_path, port=port))
    assert ended.returncode == 1
    assert port in ended.stderr
    assert "CHATTRAIL_WEB_PORT" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = run("web", **web_environment(tmp_path / "file" / "web"))
    assert ended.returncode == 1
    assert "CHATTRAIL_WEB_DATA" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_wrong_settings_end_it_with_every_fault(tmp_path: Path) -> None:
    ended = run("web", **web_environment(tmp_path, secret_key="weak", timezone="Mars/Base"))
    assert ended.returncode == 2
    assert "CHATTRAIL_WEB_SECRET_KEY: " in ended.stderr
    assert "CHATTRAIL_WEB_TIMEZONE: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_its_commands_make_secrets_that_work(tmp_path: Path) -> None:
    hashed = run("web", "hash-password", stdin="my own password\n")
    assert hashed.returncode == 0
    assert hashed.stdout.startswith("$argon2id$")
    made = run("web", "token")
    found = re.fullmatch(r"token (ct_\S+)\nhash  ([0-9a-f]{64})\n", made.stdout)
    assert found
    token, digest = found.groups()
    with running_web(tmp_path, password_hash=hashed.stdout.strip(), api_token_hashes=digest) as part:
        answer = httpx.post(f"{part.url}/login", data={"password": "my own password"}, headers=SAME)
        assert answer.status_code == 303
        assert (
            httpx.post(f"{part.url}/api/login-links", headers={"Authorization": f"Bearer {token}"}).status_code == 201
        )
        assert httpx.post(f"{part.url}/api/login-links", headers=BEARER).status_code == 401
    short = run("web", "hash-password", stdin="short\n")
    assert short.returncode == 1
    assert "10 characters" in short.stderr
    assert run("web", "made-up").returncode == 2


def test_clickhouse_may_be_away_and_come_back(tmp_path: Path) -> None:
    with (
        EmbeddedClickHouse(tmp_path) as clickhouse,
        running_web(tmp_path, clickhouse.readonly_url, query_timeout_s="1") as part,
    ):
        bare = stats(part)
        assert bare.status_code == 503
        assert "python -m sidecar migrate" in bare.json()["detail"]
        migrated = run("sidecar", "migrate", CHATTRAIL_SIDECAR_CLICKHOUSE_URL=clickhouse.url)
        assert migrated.returncode == 0, migrated.stderr
        assert stats(part).status_code == 200

        os.kill(clickhouse.pid, signal.SIGSTOP)  # frozen: it accepts and never answers
        try:
            with ThreadPoolExecutor(8) as pool:  # as many as there are threads for queries
                waiting = [pool.submit(stats, part) for _ in range(8)]
                for path in ("/healthz", static_path("app.css"), static_path("app.js")):
                    assert httpx.get(f"{part.url}{path}").status_code == 200
                assert not all(one.done() for one in waiting), "they hang"
                frozen = waiting[0].result()
            assert {one.result().status_code for one in waiting} == {503}
            assert frozen.headers["Retry-After"] == "5"
        finally:
            os.kill(clickhouse.pid, signal.SIGCONT)
        wait_until(lambda: stats(part).status_code == 200)

        clickhouse.kill()
        gone = stats(part)
        assert gone.status_code == 503
        assert gone.json()["detail"].startswith("ClickHouse does not answer at 127.0.0.1:")
        clickhouse.start()
        wait_until(lambda: stats(part).status_code == 200)

    log = "".join(part.output)
    for secret in (clickhouse.readonly_password, SECRET_KEY, "Traceback"):
        assert secret not in log + bare.text + frozen.text + gone.text


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (
            "http://readonly:wrong-canary@{where}/chattrail",
            "refuses the user or password of CHATTRAIL_WEB_CLICKHOUSE_URL",
        ),
        ("http://readonly:{password}@{where}/not_there", "does not exist yet"),
    ],
)
def test_a_wrong_dsn_is_named_without_its_password(
    clickhouse: EmbeddedClickHouse, tmp_path: Path, address: str, says: str
) -> None:
    where = f"127.0.0.1:{clickhouse.port}"
    with running_web(tmp_path, address.format(where=where, password=clickhouse.readonly_password)) as part:
        answer = stats(part)
    assert answer.status_code == 503
    assert says in answer.json()["detail"]
    assert "wrong-canary" not in answer.text + "".join(part.output)
