"""Formatted texts: Telegram's entities become markup, whatever else they hold stays text."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.markup_payloads import PAYLOADS
from web.pages.language import catalogue
from web.pages.rich_text import rich

WORDS = catalogue("en")
TYPES = (
    "bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "blockquote", "expandable_blockquote", "url",
    "text_link", "text_mention", "mention", "hashtag", "cashtag", "bot_command", "email", "phone_number", "custom_emoji", "made_up",
)  # fmt: skip
ALLOWED_TAGS = {"div", "strong", "em", "u", "s", "code", "pre", "blockquote", "label", "input", "span", "a"}
ALLOWED_ATTRIBUTES = {"class", "href", "title", "target", "rel", "type", "aria-label", "data-language"}


def entity(type_: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"type": type_, "offset": offset, "length": length, **more}


def shown(text: str, *entities: Any) -> str:
    return str(rich(text, json.dumps(entities), WORDS))


class Markup(HTMLParser):
    """The tags, attributes and words that a browser finds in markup."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words += data

    @property
    def links(self) -> list[str]:
        return [value for name, value in self.attributes if name == "href"]


@pytest.mark.parametrize(
    ("text", "entities", "markup"),
    [
        ("so bold", [entity("bold", 3, 4)], "so <strong>bold</strong>"),
        ("👋 hi", [entity("italic", 3, 2)], "👋 <em>hi</em>"),
        ("a👋b", [entity("underline", 1, 2)], "a<u>👋</u>b"),
        ("abc", [entity("bold", 0, 3), entity("italic", 1, 1)], "<strong>a<em>b</em>c</strong>"),
        ("abc", [entity("italic", 1, 1), entity("bold", 0, 3)], "<strong>a<em>b</em>c</strong>"),
        ("a <b>", [entity("code", 2, 3)], "a <code>&lt;b&gt;</code>"),
        (
            "x = 1",
            [entity("pre", 0, 5, language="python")],
            '<pre class="code-block" data-language="python"><code>x = 1</code></pre>',
        ),
        ("said\nquote\nyes", [entity("blockquote", 5, 5)], 'said<blockquote class="quoted">quote</blockquote>yes'),
        ("cost $5 #now", [entity("hashtag", 8, 4)], 'cost $5 <span class="entity">#now</span>'),
        ("🦊", [entity("custom_emoji", 0, 2, custom_emoji_id="1")], "🦊"),
        ("what", [entity("made_up", 0, 4)], '<span class="entity">what</span>'),
    ],
)
def test_entities_become_markup(text: str, entities: list[Any], markup: str) -> None:
    assert shown(text, *entities) == markup


def test_hidden_text_and_long_quotes_open_by_a_checkbox() -> None:
    spoiler = shown("it was Bob", entity("spoiler", 7, 3))
    assert spoiler.startswith(
        'it was <label class="spoiler"><input class="sr-only" type="checkbox" aria-label="Show the hidden text">'
    )
    assert spoiler.endswith("<span>Bob</span></label>")
    assert '<div class="quoted-text">long</div>' in shown("long", entity("expandable_blockquote", 0, 4))


@pytest.mark.parametrize(
    ("text", "given", "address"),
    [
        ("here", entity("text_link", 0, 4, url="https://a.example/?q='1'"), "https://a.example/?q='1'"),
        ("here", entity("text_link", 0, 4, url="HTTP://a.example"), "HTTP://a.example"),
        ("here", entity("text_link", 0, 4, url="tg://resolve?domain=x"), "tg://resolve?domain=x"),
        ("a.example/b", entity("url", 0, 11), "https://a.example/b"),
        ("https://a.example", entity("url", 0, 17), "https://a.example"),
        ("@ann_1", entity("mention", 0, 6), "https://t.me/ann_1"),
        ("here", entity("text_link", 0, 4, url="javascript:alert(1)"), None),
        ("here", entity("text_link", 0, 4, url="data:text/html,x"), None),
        ("here", entity("text_link", 0, 4, url="//a.example"), None),
        ("here", entity("text_link", 0, 4, url="https://a.example/\u202egnp"), None),
        ("here", entity("text_link", 0, 4, url="https://a b"), None),
        ("here", entity("text_link", 0, 4, url="https://a.example/" + "a" * 3000), None),
        ("here", entity("text_link", 0, 4, url=["https://a.example"]), None),
        ("javascript:alert(1)", entity("url", 0, 19), None),
        ("@a/../b", entity("mention", 0, 7), None),
        ("here", entity("text_mention", 0, 4, user={"id": 1}), None),
        ("a@b.example", entity("email", 0, 11), None),
    ],
)
def test_only_safe_links_lead_somewhere(text: str, given: dict[str, Any], address: str | None) -> None:
    links = Markup(shown(text, given)).links
    assert links == ([] if address is None else [address])


def test_a_link_holds_no_other_link() -> None:
    markup = shown("see https://b.example", entity("text_link", 0, 21, url="https://a.example"))
    assert markup.count("<a ") == 1
    assert shown("https://b.example", entity("code", 0, 17)).count("<a ") == 0
    assert shown("https://b.example", entity("bold", 0, 17)).count("<a ") == 1


@pytest.mark.parametrize(
    "entities",
    [
        "not JSON", "null", "{}", "5", '"bold"', "[" * 100_000, "[1, null, [], {}]", "[{}" + ",{}" * 100_000 + "]",
        *(json.dumps([each]) for each in (
            entity("bold", -1, 3), entity("bold", 0, -3), entity("bold", 0, 0), entity("bold", 0, 99), entity("bold", 99, 1),
            entity("bold", 10**30, 1), entity("bold", 0, 10**30), entity("bold", 0.0, 1.5), entity("bold", True, True),  # type: ignore[arg-type]
            entity("bold", "0", "1"), entity(["bold"], 0, 1), {"type": "bold"}, entity("italic", 1, 1),  # type: ignore[arg-type]
        )),
    ],
)  # fmt: skip
def test_what_does_not_fit_stays_text(entities: str) -> None:
    """Of the last one the stretch begins within an emoji."""
    assert str(rich("👋<b>", entities, WORDS)) == "👋&lt;b&gt;"


def test_of_two_that_overlap_the_first_counts() -> None:
    assert shown("abcd", entity("bold", 0, 3), entity("italic", 2, 2)) == "<strong>abc</strong>d"


def test_a_long_text_is_cut_within_its_formatting() -> None:
    markup = shown("b" * 30_000, entity("bold", 10, 29_990), entity("italic", 25_000, 3))
    assert markup.endswith("</strong>…")
    assert len(Markup(markup).words) == 20_001


@given(
    st.sampled_from(PAYLOADS) | st.text(max_size=30),
    st.lists(
        st.fixed_dictionaries(
            {"type": st.sampled_from(TYPES), "offset": st.integers(-2, 40), "length": st.integers(-1, 40)},
            optional={"url": st.sampled_from(PAYLOADS), "language": st.sampled_from(PAYLOADS)},
        ),
        max_size=8,
    ),
)
def test_any_entities_on_any_text_stay_harmless_and_lose_nothing(text: str, entities: list[Any]) -> None:
    markup = str(rich(text, json.dumps(entities), WORDS))
    found, plain = Markup(markup), Markup(str(rich(text, "", WORDS)))
    assert found.tags <= ALLOWED_TAGS
    assert {name for name, _ in found.attributes} <= ALLOWED_ATTRIBUTES
    assert all(link.lower().startswith(("http:", "https:", "tg:")) for link in found.links)
    assert found.words.replace("\n", "") == plain.words.replace("\n", "")
