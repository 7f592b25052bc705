"""The words of a search are marked in what it found, and a long text is shown around the first of them."""

import pytest

from web.pages.found_text import EXCERPT_MAX, Piece, excerpt


def marked(text: str, *words: str) -> list[str]:
    return [piece.text for piece in excerpt(text, words) if piece.is_match]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("Кошка и КОШКИ, сонижка", ["кош"], ["Кошка", "КОШКИ"]),
        ("ещё мёд", ["еще", "мед"], ["ещё", "мёд"]),
        ("nai\u0308ve naïve naive", ["naïve"], ["nai\u0308ve", "naïve"]),
        ("x_y, can't", ["x", "t"], ["x", "t"]),
        ("a apple", ["a"], ["a"]),
        ("ﬁne ½", ["fine", "1"], ["ﬁne", "½"]),
        ("12 123", ["12"], ["12", "123"]),
        ("東京タワー", ["東京"], ["東京タワー"]),
        ("🙂 \ud800", ["x"], []),
        ("", ["x"], []),
    ],
)
def test_words_are_those_that_the_search_knows(text: str, words: list[str], expected: list[str]) -> None:
    assert marked(text, *words) == expected
    assert "".join(piece.text for piece in excerpt(text, words)) == text


@pytest.mark.parametrize("before", [0, 10, 5_000])
@pytest.mark.parametrize("space", ["", " "])
def test_a_long_text_is_cut_around_the_first_word(before: int, space: str) -> None:
    text = f"ab{space}" * before + " needle " + f"cd{space}" * 5_000
    pieces = excerpt(text, ["needle"])
    assert Piece("needle", is_match=True) in pieces
    assert len("".join(piece.text for piece in pieces)) <= EXCERPT_MAX + 2
    assert (pieces[0].text == "…") is (before > EXCERPT_MAX // 3)
    assert pieces[-1].text == "…"


def test_a_word_longer_than_the_part_is_cut() -> None:
    pieces = excerpt("W" * 3_000, ["w" * 20])
    assert [piece.is_match for piece in pieces] == [True, False]
    assert len(pieces[0].text) == EXCERPT_MAX
