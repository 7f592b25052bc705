"""The Live page: what happens now, of everybody, the newest first; each line leads to its event in the trail."""

from dataclasses import dataclass

from flask import render_template

from web.analytics.live import LiveEvent
from web.context import services
from web.pages.template_context import page_bot, request_formats
from web.pages.timeline import timeline
from web.pages.timeline_blocks import Block
from web.pages.trail import permalink


@dataclass(frozen=True, slots=True)
class Line:
    """An event as its trail would show it alone, and where that is."""

    of: LiveEvent
    block: Block
    href: str

    @property
    def anchor(self) -> str:
        """The id of the event."""
        return self.of.event.id

    @property
    def type(self) -> str:
        """The type of the event."""
        return self.of.event.type


def live() -> str:
    """Render /analytics/live."""
    formats, bot = request_formats(), page_bot()
    found = services.live.live(services.now(), bot)
    lines = [_line(each) for each in found.events]
    return render_template(
        "live.html",
        found=found,
        lines=lines,
        newest_at=found.events[0].event.at if found.events else None,
        title=formats.words.text("now.title"),
        status=formats.words.text("now.title"),
    )


def _line(each: LiveEvent) -> Line:
    ((block,),) = (day.blocks for day in timeline([each.event], services.settings.zone))
    return Line(each, block, permalink(each.client_id, each.event.id))
