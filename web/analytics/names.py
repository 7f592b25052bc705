"""Names in addresses: the steps of the usual funnel, languages, custom events."""

STEPS = ("start", "persona", "story", "answer", "paid")
SEARCH_MAX = 100


def is_language_code(text: str) -> bool:
    """Whether a text has the form of a language code (BCP 47): what people's apps send may be anything."""
    plain = text.replace("-", "")
    return len(text) <= 35 and plain.isascii() and plain.isalnum()


def is_event_name(text: str) -> bool:
    """Whether a custom event can be named so in an address: what strangers send may be anything."""
    return len(text) <= SEARCH_MAX and text.isprintable()
