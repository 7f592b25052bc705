"""What a value is called by which Retention and Funnel tell people apart."""

from web.context import services
from web.pages.template_context import request_formats


def split_value(split: str, value: str | None) -> str:
    """A value as people know it; None is that of all others."""
    formats = request_formats()
    words = formats.words
    if value is None:
        return words.text("retention.others")
    if split == "premium":
        return words.text("trail.yes" if value == "true" else "trail.no")
    if split == "language":
        return formats.language(value)
    if split == "persona":
        value = services.figures.persona_name(value) if value else ""
    return value or words.text("retention.none")
