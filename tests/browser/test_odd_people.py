"""People with ids of any characters and length have a trail: by each link, in each address, also behind a proxy that decodes."""

import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import clickhouse_connect
import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import check
from tests.browser.conftest import NARROW, WIDE, OpenPage
from tests.browser.stack import PASSWORD, Stack, wait_until
from tests.support.decoding_proxy import decoding_proxy
from tests.support.otlp import event, request
from web.analytics.person_key import address_of

IDS = (
    "a/b", "/a", "a/", "a//b", "/", "a%2Fb", "%", "a?b=c&d", "a#b", "..", ".", "../../etc", ".hidden", "a b", " ", "a\\b",
    "Ångström Ж 🙂", "~tilde", "~YS9i", "events", "a/events", "'\"<b>&amp;", "\u202eabc", "x" * 300, "long/" * 1000, "ж" * 5000,
)  # fmt: skip
TYPED = {
    "a/b",
    "a%2Fb",
    "a?b=c&d",
    "a#b",
    ".hidden",
    "a b",
    "a\\b",
    "Ångström Ж 🙂",
    "a/events",
    "x" * 300,
}  # each as it is
MARK = "odd-people-0d5f"


def name(number: int) -> str:
    return f"Odd {number:02}"


@pytest.fixture(scope="module")
def odd(stack: Stack) -> Stack:
    """Each of them said two things, a minute after another."""
    now = int(datetime.now(UTC).timestamp()) * 10**9
    records = []
    for number, client_id in enumerate(IDS):
        for second in (0, 90):
            said = {"chattrail.message.text": f"{name(number)} said {second}", "telegram.user.name": name(number)}
            records.append(event("user_message", client_id, said, at=now - 3600 * 10**9 + second * 10**9))
    store(stack, records)
    return stack


def store(stack: Stack, records: list[Any]) -> None:
    body = request(*records, service=MARK)
    headers = {"Content-Type": "application/x-protobuf"}
    sent = urllib.request.Request(f"{stack.sidecar_url}/v1/logs", data=body, headers=headers)
    with urllib.request.urlopen(sent, timeout=60) as answer:
        assert answer.status == 200
    with clickhouse_connect.get_client(dsn=stack.clickhouse.url, autogenerate_session_id=False) as client:
        people = f"(SELECT user_id FROM events WHERE service_name = '{MARK}')"
        stored = f"SELECT count() FROM events FINAL WHERE user_id IN {people}"
        counted = f"SELECT sum(events) FROM people FINAL WHERE of_all AND user_id IN {people}"
        wait_until(lambda: client.command(stored) == client.command(counted))


@pytest.fixture(params=["directly", "behind a decoding proxy"])
def home(request: pytest.FixtureRequest, odd: Stack) -> Iterator[str]:
    if request.param == "directly":
        yield odd.web_url
    else:
        with decoding_proxy(odd.web_url) as address:
            yield address


@pytest.fixture
def api(home: str) -> Iterator[httpx.Client]:
    """Signed in, as a browser is."""
    with httpx.Client(base_url=home, timeout=60) as client:
        client.post("/login", data={"password": PASSWORD}, headers={"Sec-Fetch-Site": "same-origin"})
        yield client


def test_each_link_leads_to_the_trail(home: str, open_page: OpenPage) -> None:
    watched = open_page(home=home)
    page = watched.go("/analytics/users?q=Odd&limit=200")
    for number in range(len(IDS)):
        link = page.get_by_role("link", name=name(number), exact=True)
        answer = page.request.get(link.evaluate("(link) => link.href"))  # as Chromium resolves it
        assert (answer.status, f"{name(number)} said 90" in answer.text()) == (200, True), IDS[number][:50]
    for client_id in ("a//b", "..", "ж" * 5000):
        page.get_by_role("link", name=name(IDS.index(client_id)), exact=True).click()
        expect(page.locator(".bubble-text").last).to_have_text(f"{name(IDS.index(client_id))} said 90")
        page.go_back()
    watched.check()


@pytest.mark.parametrize("home", ["behind a decoding proxy"], indirect=True)  # the harder of both
def test_paging_order_and_language_keep_the_person(home: str, open_page: OpenPage) -> None:
    watched = open_page(home=home, scripts=False)  # which would load the other pages by themselves
    for client_id in ("a/b", "..", "long/" * 1000):
        number = IDS.index(client_id)
        page = watched.go(f"/analytics/users/{address_of(client_id)}?limit=1")
        expect(page.locator(".bubble-text")).to_have_text([f"{name(number)} said 90"])
        page.get_by_role("link", name="Older events").click()
        expect(page.locator(".bubble-text")).to_have_text([f"{name(number)} said 0"])
        page.get_by_role("link", name="Newer events").click()
        expect(page.locator(".bubble-text")).to_have_text([f"{name(number)} said 90"])
        page.locator("summary[aria-label^='Go to a day']").click()
        page.get_by_role("link", name="Back to the oldest").click()  # a page of the usual length
        expect(page.locator(".bubble-text")).to_have_text([f"{name(number)} said {second}" for second in (0, 90)])
        page.get_by_role("link", name="Русский").click()
        expect(page.locator("html")).to_have_attribute("lang", "ru")
        expect(page.locator(".bubble-text")).to_contain_text([name(number)] * 2)
        page.get_by_role("link", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
    watched.check()


def test_the_page_of_an_odd_id_stays_live(home: str, open_page: OpenPage) -> None:
    page = open_page(home=home).go(f"/analytics/users/{address_of('a/b')}")
    with page.expect_response(lambda answer: answer.request.headers.get("hx-request") == "true") as asked:
        pass
    assert asked.value.status == 200


def test_the_api_answers_for_each(api: httpx.Client) -> None:
    for number, client_id in enumerate(IDS):
        answer = api.get(f"/api/analytics/users/{address_of(client_id)}/events")
        assert answer.status_code == 200, client_id[:50]
        assert answer.json()["client_id"] == client_id
        assert answer.json()["events"][0]["text"] == f"{name(number)} said 90"


def test_an_id_may_be_typed_as_it_is(odd: Stack) -> None:
    with httpx.Client(base_url=odd.web_url, timeout=60) as client:
        client.post("/login", data={"password": PASSWORD}, headers={"Sec-Fetch-Site": "same-origin"})
        for client_id in TYPED:
            answer = client.get(f"/api/analytics/users/{quote(client_id, safe='')}/events")
            assert (answer.status_code, answer.json().get("client_id")) == (200, client_id)
            page = client.get(f"/analytics/users/{quote(client_id, safe='')}")
            assert (page.status_code, f"{name(IDS.index(client_id))} said 90" in page.text) == (200, True)


@pytest.mark.parametrize("client_id", ["a?b=c&d", "a#b", "a/b", "a%2Fb"])
def test_signing_in_leads_back_to_the_person(odd: Stack, open_page: OpenPage, client_id: str) -> None:
    page = open_page(state={"cookies": [], "origins": []}).page
    page.goto(f"{odd.web_url}/analytics/users/{quote(client_id, safe='')}?limit=1")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    expect(page.locator(".bubble-text")).to_have_text([f"{name(IDS.index(client_id))} said 90"])


HOSTILE = {
    "telegram.user.language_code": "x" * 35,
    "telegram.user.name": "W" * 3000,
    "telegram.user.username": "w" * 500,
    "chattrail.persona.id": "P" * 2000,
    "chattrail.story.id": "S" * 2000,
    "session.id": "s" * 2000,
}


@pytest.fixture(scope="module")
def crowded(stack: Stack) -> Stack:
    """One person with something too long, too large or unknown in each part of a page."""
    at = int(datetime.now(UTC).timestamp()) * 10**9 - 600 * 10**9
    stars = {"chattrail.premium.action": "paid", "chattrail.premium.currency": "XTR"}
    sent: list[tuple[str, dict[str, Any]]] = [
        ("user_message", {"chattrail.message.kind": "K" * 400}),
        ("user_message", {"chattrail.message.kind": "other", "chattrail.message.text": "long " * 6000}),
        ("user_message", {"chattrail.message.kind": "button", "chattrail.message.text": "B" * 400}),
        ("command", {"chattrail.command.name": "C" * 400}),
        ("premium_action", {**stars, "chattrail.premium.amount": 1e27, "chattrail.premium.plan": "L" * 300}),
        ("premium_action", {**stars, "chattrail.premium.amount": 2e5, "chattrail.premium.currency": "Y" * 300}),
        ("premium_action", {"chattrail.premium.action": "Z" * 300}),
        ("chat_cleared", {"chattrail.chat.messages": "9" * 4000}),
        ("chat_continued", {"chattrail.chat.idle_s": float("inf")}),
        ("start_command", {"chattrail.start.payload": "D" * 600}),
        ("persona_selected", {"chattrail.persona.name": "N" * 600}),
        ("T" * 300, {}),
        ("ai_message", {"chattrail.ai.duration_ms": float("nan"), "gen_ai.usage.input_tokens": 2**40}),
        ("ai_message", {"error.type": "E" * 600, "gen_ai.request.model": "M" * 600}),
        ("image_generated", {"chattrail.image.prompt": "F" * 3000}),
    ]
    records = [
        event(type_, "crowd/" * 100, {**HOSTILE, **values}, at=at + number * 70 * 10**9 // 10)
        for number, (type_, values) in enumerate(sent)
    ]
    records += [
        event("user_message", f"crowd-{number}", {"telegram.user.language_code": "x" * 35}, at=at)
        for number in range(120)
    ]
    store(stack, records)
    return stack


@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_nothing_sticks_out(
    crowded: Stack, open_page: OpenPage, axe_source: str, size: tuple[int, int], language: str
) -> None:
    trail = f"/analytics/users/{address_of('crowd/' * 100)}?order=asc"
    watched = open_page(size=size, language=language)
    for path in ("/analytics", "/analytics/users", f"/analytics/users?language={'x' * 35}", trail):
        page = watched.go(path)
        wide = page.evaluate(TOO_WIDE, [PARTS, WORDS, size[0]])
        assert not wide, (path, wide)
        check(page, axe_source, path)
    expect(page.locator(".badge-bad")).to_have_count(0)
    price = page.locator(".badge-paid .badge-words").first
    assert re.search("more than|больше", price.inner_text())
    box, plan = price.bounding_box(), price.locator("b").bounding_box()
    assert box
    assert plan
    assert plan["width"] <= box["width"] * 0.61  # so that the price behind it is seen
    watched.check()


PARTS = (
    ".chip, .badge-line, .bubble, .failure, .facts dd, .person, .bar-name, h1, .section-warning, .figure-line, .delta"
)
WORDS = ".facts dt, .failure summary span, .figure-name"
# None is cut off at the side of the window, none is wider than what it stands in, and no word of ours is squeezed into a column.
TOO_WIDE = """
([parts, words, width]) => [...document.querySelectorAll(`${parts}, ${words}`)].filter((part) => part.offsetParent).map((part) => {
  if (part.matches(words) && part.offsetWidth < 24) return `${part.offsetWidth} wide: ${part.textContent}`;
  let box = part.parentElement;
  while (!box.offsetWidth) box = box.parentElement; // display: contents
  const right = Math.round(part.getBoundingClientRect().right);
  const most = Math.round(Math.min(width, box.getBoundingClientRect().right));
  return right > most + 1 ? `${part.className}: ${right} of ${most}: ${part.textContent.trim().slice(0, 40)}` : "";
}).filter(Boolean)
"""
