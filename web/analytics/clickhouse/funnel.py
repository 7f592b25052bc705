"""The funnel: people who took each step and all before it, in any order within the range."""

from collections.abc import Sequence
from typing import Any

from web.analytics.clickhouse.bots import BotReader
from web.analytics.models import FunnelStep
from web.analytics.queries import EVENT_STEP

STEPS = {
    "start": "sum(starts) > 0",
    "persona": "sum(persona_choices) > 0",
    "story": "sum(story_choices) > 0",
    "answer": "sum(answers) + sum(bot_messages) > 0",
    "paid": "sum(payments) > 0",
}


def funnel(
    reader: BotReader, span: dict[str, int], taken: Sequence[bool], asked: tuple[str, ...] = ()
) -> tuple[FunnelStep, ...]:
    """The steps that are asked for; otherwise those of the usual ones that were ever `taken`: not every bot has them all."""
    steps = asked or tuple(step for step, ever in zip(STEPS, taken, strict=True) if ever)
    if not steps:
        return ()
    conditions, values = [], dict[str, Any](span)
    for number, step in enumerate(steps):
        name = f"step{number}"
        if step.startswith(EVENT_STEP):
            values[name] = step.removeprefix(EVENT_STEP)
        conditions.append(STEPS.get(step, f"sum(custom_counts[{{{name}:String}}]) > 0"))
    rows = reader.rows("funnel", values, steps=", ".join(conditions))
    return tuple(
        FunnelStep(step, sum(people for took, people in rows if all(took[: place + 1])))
        for place, step in enumerate(steps)
    )
