"""Messages of any bot on a trail: edits, deletions, reactions, replies, albums, polls, files, formatting; in Chromium."""

import json
import random
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import clickhouse_connect
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import check, sticks_out
from tests.browser.conftest import NARROW, WIDE, OpenPage
from tests.browser.population import drawn_image
from tests.browser.stack import SETTLED, Stack, wait_until
from tests.support.markup_payloads import PAYLOADS
from tests.support.otlp import event, request

START = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=30)
TEXT = "Bold and slanted, underlined, gone, code, a link, @durov, #tag, hidden"
FORMATTED = [
    {"type": "bold", "offset": 0, "length": 4}, {"type": "italic", "offset": 9, "length": 7},
    {"type": "underline", "offset": 18, "length": 10}, {"type": "strikethrough", "offset": 30, "length": 4},
    {"type": "code", "offset": 36, "length": 4}, {"type": "text_link", "offset": 42, "length": 6, "url": "https://a.example/"},
    {"type": "mention", "offset": 50, "length": 6}, {"type": "hashtag", "offset": 58, "length": 4},
    {"type": "spoiler", "offset": 64, "length": 6},
]  # fmt: skip
CODE = "print('hi')\nline 1\nline 2\nline 3\nline 4"


def message(type_: str, user: str, second: float, number: int = 0, text: str = "", **named: Any) -> LogRecord:
    """An event of a message; `named` are attributes, `message__kind` is chattrail.message.kind."""
    given: dict[str, Any] = {"telegram.bot.id": 42, "telegram.chat.id": int(user)}
    given |= {"telegram.message.id": number} if number else {}
    given |= {"chattrail.message.text": text} if text else {}
    for name, value in named.items():
        full = name.replace("__", ".")
        value = json.dumps(value) if isinstance(value, list | dict) else value
        given[full if full.startswith(("telegram.", "gen_ai.")) else f"chattrail.{full}"] = value
    at = START + timedelta(seconds=second)
    return event(type_, user, given, at=int(at.timestamp() * 1000) * 10**6)


def post(stack: Stack, *records: LogRecord) -> None:
    headers = {"Content-Type": "application/x-protobuf"}
    body = urllib.request.Request(f"{stack.sidecar_url}/v1/logs", data=request(*records), headers=headers)
    with urllib.request.urlopen(body, timeout=60) as answer:
        assert answer.status == 200
    with clickhouse_connect.get_client(dsn=stack.clickhouse.url, autogenerate_session_id=False) as client:
        wait_until(lambda: client.query(SETTLED).result_rows == [(1,)])


def picture(seed: int, group: str = "") -> Mapping[str, Any]:
    named = {"message__kind": "photo", "image__id": f"p{seed}", "image__data": drawn_image(random.Random(seed))}
    return {**named, "telegram__message__media_group_id": group} if group else named


def everything(user: str) -> list[LogRecord]:
    """A chat with every kind of message."""
    poll = {"id": "9", "type": "regular", "options": ["Red", "Green", "Blue"]}
    return [
        message("user_message", user, 0, 1, "Tell me a story", telegram__update__id=1),
        message("bot_message", user, 1, 2, "…", telegram__update__id=1),
        message(
            "ai_message", user, 5, 2, "Once upon a time", telegram__update__id=1, edit__count=14, edit__span_ms=2500.0,
            gen_ai__request__model="m-1",
        ),
        message("reaction", user, 20, 2, reaction__emoji="👍", side="person"),
        message("user_message", user, 60, 3, "Who is in it?", telegram__message__reply_to_id=2),
        message("reaction", user, 61, 3, reaction__emoji="🔥 custom:7 paid", side="bot"),
        message("bot_message", user, 70, 4, TEXT, message__entities=FORMATTED),
        message(
            "bot_message", user, 75, 5, CODE + "\n" + CODE,
            message__entities=[
                {"type": "pre", "offset": 0, "length": len(CODE), "language": "python"},
                {"type": "expandable_blockquote", "offset": len(CODE) + 1, "length": len(CODE)},
            ],
        ),
        message("bot_message", user, 130, 6, "A secret of mine"),
        message("message_deleted", user, 140, 6),
        message("user_message", user, 190, 7, "My cat", **picture(1)),
        *(message("user_message", user, 250 + n, 8 + n, "Album" if n == 0 else "", **picture(2 + n, "g")) for n in range(3)),
        message("bot_message", user, 310, 12, "Your colour?", message__kind="poll", message__data=poll),
        message("poll", user, 320, 12, "Green", poll__action="voted", poll__id="9", poll__options="1"),
        message("bot_message", user, 370, 13, "🎯", message__kind="dice", message__data={"value": 6}),
        message("user_message", user, 375, 14, "🐈", message__kind="sticker"),
        message(
            "user_message", user, 380, 15, message__kind="contact",
            message__data={"phone_number": "+49 30 1", "first_name": "Ann", "last_name": "Lee"},
        ),
        message("user_message", user, 385, 16, message__kind="location", message__data={"latitude": 52.5, "longitude": 13.4}),
        message(
            "user_message", user, 390, 17, "See page 2", message__kind="document", file__name="tax.pdf", file__size=48_211,
            file__content_type="application/pdf",
        ),
        message("user_message", user, 395, 18, message__kind="voice", file__size=4800, file__duration_s=3.0),
        message("bot_message", user, 400, 0, "Saved!", message__kind="alert"),
        message("custom", user, 460, custom__name="quiz_finished", property__score=3, property__level="b1"),
        message(
            "premium_action", user, 470, premium__action="paid", premium__plan="month", premium__amount=4.99,
            premium__currency="USD", premium__minor_units=499, premium__subscription="renewal",
        ),
        message("premium_action", user, 480, premium__action="refused", premium__reason="sold out"),
        message("chat_action", user, 490, chat__action="boosted"),
    ]  # fmt: skip


@dataclass(frozen=True)
class Chat:
    user: str
    path: str


@pytest.fixture(scope="module")
def chat(stack: Stack) -> Chat:
    user = "960001"
    post(stack, *everything(user))
    with clickhouse_connect.get_client(dsn=stack.clickhouse.url, autogenerate_session_id=False) as client:
        asked = "SELECT count() FROM images FINAL WHERE status = 'stored' AND user_id = {id:String}"
        wait_until(lambda: client.query(asked, {"id": user}).result_rows == [(4,)])
    return Chat(user, f"/analytics/users/{user}?order=asc")


def bubble(page: Page, text: str) -> Locator:
    return page.locator(".bubble", has_text=text)


def test_every_kind_of_message_has_its_form(chat: Chat, open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go(chat.path)
    story = page.locator(".turn-bot .bubble", has_text="Once upon a time")
    expect(story.locator(".bubble-text")).to_have_text("Once upon a time")
    notes = page.locator(".bubble-note")
    expect(notes.nth(0)).to_contain_text("edited ×14")
    expect(notes.nth(0)).to_contain_text("first text after 2.5 s · last after 5 s")
    expect(story.locator(".reaction")).to_contain_text("👍")
    expect(bubble(page, "Who is in it?").locator(".bubble-reply")).to_contain_text("Once upon a time")
    expect(bubble(page, "Your colour?").locator(".bubble-option").nth(1)).to_contain_text("Chosen:Green")
    expect(page.locator(".album img")).to_have_count(3)
    expect(bubble(page, "My cat").locator("img")).to_be_visible()
    expect(page.locator(".turn-person img")).to_have_count(4)
    for words in ("Ann Lee", "+49 30 1", "52.5, 13.4", "48.2 kB", "Voice message", "Alert"):
        expect(page.locator(".bubble", has_text=words)).to_have_count(1)
    badges = " | ".join(" ".join(text.split()) for text in page.locator(".badge").all_inner_texts())
    for words in ("Voted · Green", "Event quiz_finished", "level b1 score 3", "Paid month · $4.99 · renewal",
                  "Payment refused · sold out", "Boosted the chat"):  # fmt: skip
        assert words in badges, badges
    watched.check()


def test_what_is_hidden_opens_by_keyboard(chat: Chat, open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.go(f"/analytics/users/{chat.user}")  # newest first: the page renews itself
    hidden = page.get_by_text("hidden", exact=True)
    expect(hidden).not_to_be_visible()
    page.get_by_role("checkbox", name="Show the hidden text").focus()
    page.keyboard.press("Space")
    expect(hidden).to_be_visible()
    quote = page.locator(".quoted-text")
    before = quote.bounding_box()
    page.get_by_role("checkbox", name="Show the whole quote").press("Space")
    after = quote.bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] > before["height"]
    deleted = page.locator("details.deleted")
    expect(page.get_by_text("A secret of mine")).not_to_be_visible()
    deleted.locator("summary").press("Enter")
    expect(page.get_by_text("A secret of mine")).to_be_visible()
    versions = page.locator("details.versions")
    versions.locator("summary").press("Enter")
    expect(versions.locator("li")).to_have_count(1)
    with page.expect_response(lambda answer: "/analytics/users/" in answer.url):  # the live page is renewed
        pass
    page.wait_for_load_state("networkidle")
    for shown in (hidden, page.get_by_text("A secret of mine"), versions.locator("li")):
        expect(shown).to_be_visible()
    page.locator(".bubble-reply").press("Enter")
    expect(page.locator(".turn-bot .bubble", has_text="Once upon a time")).to_be_in_viewport()
    page.locator(".turn-person a.image").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#viewer img")).to_be_visible()
    page.keyboard.press("Escape")
    watched.check()


@pytest.mark.parametrize(("size", "language"), [(WIDE, "en-GB"), (NARROW, "ru-RU")], ids=["wide", "narrow"])
def test_everybody_can_use_it(
    chat: Chat, open_page: OpenPage, axe_source: str, size: tuple[int, int], language: str
) -> None:
    watched = open_page(size=size, language=language)
    page = watched.go(chat.path)
    page.locator("details.deleted, details.versions").evaluate_all("all => all.forEach((each) => { each.open = true })")
    check(page, axe_source)
    watched.check()


def test_what_is_on_another_page_is_one_bubble_all_the_same(stack: Stack, open_page: OpenPage) -> None:
    user = "960002"
    lines = [message("user_message", user, 100 + n * 60, 10 + n, f"line {n}") for n in range(12)]
    first = message("bot_message", user, 1, 5, "old words")
    later = [
        message("message_edited", user, 2000, 5, "new words", side="bot"),
        message("reaction", user, 2001, 5, reaction__emoji="👍", side="person"),
        message("bot_message", user, 2002, 99, "an answer", telegram__message__reply_to_id=5),
    ]
    post(stack, first, *lines, *later)
    watched = open_page()
    page = watched.go(f"/analytics/users/{user}?order=asc&limit=5")
    expect(bubble(page, "new words")).to_have_count(1)
    expect(page.locator(".reaction")).to_contain_text("👍")
    plain = open_page(scripts=False)  # which would load the other page by themselves
    for order in ("desc", "asc"):
        page = plain.go(f"/analytics/users/{user}?order={order}&limit={5 if order == 'desc' else 20}")
        edit = bubble(page, "Edit of")
        if order == "asc":
            expect(edit).to_have_count(0)
            continue
        expect(edit).to_contain_text("new words")
        expect(page.locator(".badge")).to_contain_text("Reacted 👍 · new words")
        expect(bubble(page, "an answer").locator(".bubble-reply")).to_contain_text("new words")
        edit.locator(".bubble-pressed").click()
        expect(page.locator(".bubble:target")).to_contain_text("new words")
    watched.check()


def hostile(user: str) -> list[LogRecord]:
    """Messages that hold each payload in every part that a page shows."""
    types = ("bold", "spoiler", "pre", "expandable_blockquote", "text_link")
    records = []
    for n, payload in enumerate(PAYLOADS):
        length = len(payload.encode("utf-16-le", "surrogatepass")) // 2
        entities = [
            {"type": type_, "offset": 0, "length": max(length - index, 1), "url": payload, "language": payload}
            for index, type_ in enumerate(types)
        ]
        values = {"question": payload, "options": [payload], "a": payload, payload: payload}
        shared = {
            "message__entities": entities, "message__data": values, "file__name": payload, "reaction__emoji": payload[:30],
            "property__x": payload, "custom__name": payload, "premium__reason": payload, "poll__id": payload,
            "message__kind": ("text", "poll", "document", payload[:30])[n % 4],
        }  # fmt: skip
        shared = {name: _sendable(value) for name, value in shared.items()}
        for index, type_ in enumerate(("user_message", "message_edited", "reaction", "custom", "poll", "chat_action")):
            records.append(message(type_, user, n * 20 + index, 10 + n, _sendable(payload), **shared))
    return records


def test_hostile_texts_and_formatting_stay_text(stack: Stack, open_page: OpenPage) -> None:
    user = "960003"
    post(stack, *hostile(user))
    watched = open_page(size=NARROW)
    page = watched.go(f"/analytics/users/{user}?order=asc&limit=200")
    page.locator("details").evaluate_all("all => all.forEach((each) => { each.open = true })")
    assert page.evaluate("window.hit") is None
    assert sticks_out(page) <= 0
    inserted = page.locator(".trail").locator(
        "script, iframe, form, meta, base, link, style, video, marquee, template, math"
    )
    assert inserted.count() == 0
    assert set(page.locator("main a").evaluate_all("links => links.map(link => link.protocol)")) <= {"http:", "https:"}
    watched.check()


def _sendable(value: Any) -> Any:
    """Without lone surrogates, which protobuf does not carry."""
    return json.loads(json.dumps(value).replace("\\ud800", "?").replace("\\udfff", "?"))


def test_a_trail_needs_no_scripts(chat: Chat, open_page: OpenPage) -> None:
    page = open_page(scripts=False).go(chat.path)
    page.locator(".spoiler").click()
    expect(page.get_by_text("hidden", exact=True)).to_be_visible()
    page.locator("details.versions summary").click()
    expect(page.locator("details.versions li")).to_be_visible()
