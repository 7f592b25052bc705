"""The funnel: people who took each step and all before it, in any order within the range."""

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


def funnel(reader: BotReader, span: dict[str, int], asked: tuple[str, ...] = ()) -> tuple[FunnelStep, ...]:
    """The steps that are asked for; otherwise those of the usual ones that anybody took, since not every bot has them all."""
    steps = asked or tuple(STEPS)
    conditions, values = [], dict[str, Any](span)
    for number, step in enumerate(steps):
        name = f"step{number}"
        if step.startswith(EVENT_STEP):
            values[name] = step.removeprefix(EVENT_STEP)
        conditions.append(STEPS.get(step, f"sum(custom_counts[{{{name}:String}}]) > 0"))
    rows = reader.rows("funnel", values, steps=", ".join(conditions))
    kept = [place for place in range(len(steps)) if asked or any(took[place] for took, _ in rows)]
    return tuple(
        FunnelStep(steps[place], sum(people for took, people in rows if all(took[each] for each in kept[: count + 1])))
        for count, place in enumerate(kept)
    )
