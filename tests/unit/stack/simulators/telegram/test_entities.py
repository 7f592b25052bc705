"""Formatted texts as the Bot API reads them: HTML and both Markdown dialects, with Telegram's complaints."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.simulators.telegram.entities import parse, typed_entities, utf16_length
from stack.simulators.telegram.wire import ApiError


def spans(text: str, mode: str) -> tuple[str, list[tuple[str, int, int]]]:
    shown, entities = parse(text, mode)
    return shown, [(one["type"], one["offset"], one["length"]) for one in entities]


@pytest.mark.parametrize(
    ("source", "shown", "expected"),
    [
        ("plain", "plain", []),
        ("<b>a<i>b</i></b>", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
        ("😀<u>x</u>", "😀x", [("underline", 2, 1)]),
        ('<a href="https://a.example/?q=1&amp;r">l</a>', "l", [("text_link", 0, 1)]),
        ("<pre><code class='language-python'>x</code></pre>", "x", [("pre", 0, 1)]),
        ("<code class='language-python'>x</code>", "x", [("code", 0, 1)]),
        ('<span class="tg-spoiler">s</span><tg-spoiler>t</tg-spoiler>', "st", [("spoiler", 0, 1), ("spoiler", 1, 1)]),
        ("<blockquote expandable>q</blockquote>", "q", [("expandable_blockquote", 0, 1)]),
        ("&lt;b&gt; &amp;&quot; &#65;&#x42; &nope; & x", '<b> &" AB &nope; & x', []),
        ("<b></b>", "", []),
    ],
)
def test_html(source: str, shown: str, expected: list[tuple[str, int, int]]) -> None:
    assert spans(source, "HTML") == (shown, expected)


@pytest.mark.parametrize(
    ("source", "shown", "expected"),
    [
        ("*a _b_*", "a b", [("bold", 0, 3), ("italic", 2, 1)]),
        ("__u__ ~s~ ||p||", "u s p", [("underline", 0, 1), ("strikethrough", 2, 1), ("spoiler", 4, 1)]),
        (r"1\. 2\!", "1. 2!", []),
        (r"`a\`b`", "a`b", [("code", 0, 3)]),
        ("```python\nx = 1\n```", "x = 1", [("pre", 0, 5)]),
        (r"[li\.nk](https://a.example/\))", "li.nk", [("text_link", 0, 5)]),
        ("![😀](tg://emoji?id=5)", "😀", [("custom_emoji", 0, 2)]),
        (">quoted\n>more\nafter", "quoted\nmore\nafter", [("blockquote", 0, 12)]),
    ],
)
def test_markdown_v2(source: str, shown: str, expected: list[tuple[str, int, int]]) -> None:
    assert spans(source, "MarkdownV2") == (shown, expected)


@pytest.mark.parametrize(
    ("source", "shown", "expected"),
    [
        ("*a* _b_ `c`", "a b c", [("bold", 0, 1), ("italic", 2, 1), ("code", 4, 1)]),
        ("[l](https://a.example) 1.5!", "l 1.5!", [("text_link", 0, 1)]),
        (r"snake\_case", "snake_case", []),
    ],
)
def test_old_markdown(source: str, shown: str, expected: list[tuple[str, int, int]]) -> None:
    assert spans(source, "Markdown") == (shown, expected)


@pytest.mark.parametrize(
    ("source", "mode", "complaint"),
    [
        ("1.5", "MarkdownV2", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("é *a", "MarkdownV2", "Can't find end of Bold entity at byte offset 3"),
        ("`a", "MarkdownV2", "Can't find end of Code entity at byte offset 0"),
        ("[a] b", "MarkdownV2", "Can't find end of a URL at byte offset 2"),
        ("snake_case", "Markdown", "Can't find end of the entity starting at byte offset 5"),
        ('<span class="x">a</span>', "HTML", 'Tag "span" must have class "tg-spoiler"'),
        ("a", "Word", "unsupported parse_mode"),
    ],
)
def test_what_cannot_be_read_is_told(source: str, mode: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=re.escape(complaint)) as refused:
        parse(source, mode)
    assert refused.value.code == 400
    assert refused.value.description.startswith("Bad Request: ")


@given(st.text(max_size=60), st.sampled_from(["HTML", "Markdown", "MarkdownV2"]))
def test_any_text_is_read_or_refused_with_entities_inside_it(source: str, mode: str) -> None:
    try:
        shown, entities = parse(source, mode)
    except ApiError:
        return
    for one in entities:
        assert 0 <= one["offset"] < one["offset"] + one["length"] <= utf16_length(shown)


@given(st.text(max_size=60))
def test_escaped_text_comes_out_as_it_was(source: str) -> None:
    html = source.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert parse(html, "HTML") == (source, [])
    markdown = re.sub(r"([_*\[\]()~`>#+\-=|{}.!\\])", r"\\\1", source)
    assert parse(markdown, "MarkdownV2") == (source, [])


def test_commands_are_found_where_people_type_them() -> None:
    def found(text: str) -> list[tuple[int, int]]:
        return [(one["offset"], one["length"]) for one in typed_entities(text)]

    assert found("/start promo") == [(0, 6)]
    assert found("😀 /help@some_bot now") == [(3, 14)]
    assert found("and/or a//b https://x/y 1/2") == []


def test_a_block_of_code_is_one_entity_with_its_language() -> None:
    for source, mode in (('<pre><code class="language-sql">x</code></pre>', "HTML"), ("```sql\nx\n```", "MarkdownV2")):
        assert parse(source, mode) == ("x", [{"type": "pre", "language": "sql", "offset": 0, "length": 1}])
