"""Premium plans: what can be bought, for how many Stars."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Something to buy. The id is also the key of its title in the texts."""

    id: str
    days: int
    stars: int


PLANS = {plan.id: plan for plan in (Plan("week", 7, 100), Plan("month", 30, 300), Plan("year", 365, 2500))}
