"""The conditions that there are, and the columns of `people` (alias `a`) that they read."""

from typing import Literal

from web.analytics.names import STEPS

Kind = Literal["choice", "flag", "days", "number", "act"]

# who has one of these values; "" is none at all
CHOICES = {
    "source": "a.source",
    "language": "a.language_code",
    "persona": "a.persona_id",
    "story": "a.story_id",
    "plan": "a.plan",
    "model": "a.model",
    "first_persona": "a.first_persona",
    "first_event": "a.first_event",
}
# yes or no
FLAGS = {
    "paid": "a.payments > 0",
    "blocked": "a.last_block_event = 'bot_blocked'",
    "telegram_premium": "a.is_premium",
}
# in which days something lies
DAYS = ("new", "active", "last_seen")
# how often over all time
NUMBERS = {
    name: f"a.{name}"
    for name in (
        "messages", "bot_messages", "answers", "pictures", "refreshes", "clears", "commands", "sessions", "payments", "failures",
        "stars",
    )
}  # fmt: skip
# whole days from the quarter of an hour of the first own action to the last one
NUMBERS["stayed"] = (
    "if(a.first_own_slot > 0, greatest(0, intDiv(toUnixTimestamp64Milli(a.last_own_ts) - toUnixTimestamp(a.first_own_slot) * 1000,"
    " 86400000)), 0)"
)
# what `did:` may name beside the steps of the usual funnel, with the count of each quarter of an hour that says so
COUNTED = {
    "message": "messages",
    "command": "commands",
    "picture": "pictures",
    "refresh": "refreshes",
    "clear": "clears",
    "reaction": "reactions",
    "vote": "votes",
    "failure": "failures",
    "block": "blocks",
}
DEEDS = (*STEPS, *COUNTED)
# what somebody did, ever or `in` some days: `did` one of DEEDS, `event` a custom event by its name, `command` a command by its name
ACTS = ("did", "event", "command")

KINDS: dict[str, Kind] = {
    **dict.fromkeys(CHOICES, "choice"),
    **dict.fromkeys(FLAGS, "flag"),
    **dict.fromkeys(DAYS, "days"),
    **dict.fromkeys(NUMBERS, "number"),
    **dict.fromkeys(ACTS, "act"),
}
