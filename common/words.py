"""How texts become words to search by, in SQL: the sidecar stores texts so, and the web part reads what is looked for so.

Small letters, one form of each letter (NFKC, and `е` for `ё`), cut at everything that is no letter, mark or digit of Unicode. Each
word has one space before it, so that `LIKE '% begins%'` finds the words that begin so.
"""

from typing import Final

LOWER: Final = "replaceAll(lowerUTF8(normalizeUTF8NFKC(toValidUTF8(@))), 'ё', 'е')"
WORDS: Final = "concat(' ', trimBoth(replaceRegexpAll(" + LOWER + r", '[^\\p{L}\\p{M}\\p{N}]+', ' ')))"


def sql_words(text: str) -> str:
    """The words of an SQL expression, as an expression; of a text without any it is one space."""
    return WORDS.replace("@", text)
