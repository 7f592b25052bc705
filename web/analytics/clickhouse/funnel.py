"""The funnel: people who took each step and all before it, in any order within the range, as sets of people."""

from collections.abc import Mapping

from web.analytics.names import STEPS
from web.analytics.queries import EVENT_STEP

TAKEN = {  # what is counted where a step is taken
    "start": ("starts",),
    "persona": ("persona_choices",),
    "story": ("story_choices",),
    "answer": ("answers", "bot_messages"),
    "paid": ("payments",),
}
EVENT = (
    "(SELECT groupBitmapMergeState(people) FROM choices FINAL"
    " WHERE $of_bot AND $within AND kind = 'custom_counts' AND key = {{{name}:String}})"
)


def chosen_steps(ever: Mapping[str, int], asked: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The steps that are asked for; otherwise those of the usual ones that were `ever` taken: not every bot has them all."""
    return asked or tuple(step for step in STEPS if any(ever[name] for name in TAKEN[step]))


def funnel(steps: tuple[str, ...], part: str = "") -> tuple[str, dict[str, str]]:
    """How many people came as far as each step, as a list of expressions for `people_and_steps`, and their parameters.

    `part` is the set of those who are looked at, '' for everybody.
    """
    counts, values, before = [], dict[str, str](), part
    for number, step in enumerate(steps):
        here = f"groupBitmapMergeState(step_{step})"
        if step.startswith(EVENT_STEP):
            name = f"step{number}"
            here, values[name] = EVENT.format(name=name), step.removeprefix(EVENT_STEP)
        before = f"bitmapAnd({before}, {here})" if before else here
        counts.append(f"bitmapCardinality({before})")
    return ", ".join(counts), values
