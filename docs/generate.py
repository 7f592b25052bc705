"""Writes the reference pages that are generated: docs/events.md, docs/settings.md, and the tables of parameters in docs/api.md.

python docs/generate.py            write them
python docs/generate.py --check    fail if they are out of date
"""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from pydantic import SecretStr  # noqa: E402 - the repository has to be found first
from pydantic.fields import FieldInfo  # noqa: E402
from pydantic_core import PydanticUndefined  # noqa: E402

from chattrail.botapi.content import CONTENTS  # noqa: E402
from chattrail.botapi.edits import LONGEST_S, QUIET_S  # noqa: E402
from chattrail.botapi.memory import BLOCKED, MESSAGES  # noqa: E402
from chattrail.botapi.methods import METHODS  # noqa: E402
from chattrail.botapi.rules import Rule  # noqa: E402
from chattrail.botapi.updates import UPDATES  # noqa: E402
from chattrail.custom import MAX_PROPERTIES, MAX_TEXT  # noqa: E402
from chattrail.events import CHAT_PREFIX, COMMON, EVENT_TYPES, RESOURCE, Attribute, attributes_of  # noqa: E402
from chattrail.export.sequence_file import ATTRIBUTES, PROCESS_ENDED  # noqa: E402
from chattrail.tracker import Tracker  # noqa: E402
from common.settings import Settings  # noqa: E402
from web.api import blueprint as api  # noqa: E402
from web.openapi.operation import described_app, operations  # noqa: E402
from web.openapi.reference import parameter_rows  # noqa: E402

# Where each part keeps its Settings; one line for a new one.
SETTINGS_MODULES = (
    "bot.settings",
    "stack.simulators.settings",
    "collector.settings",
    "sidecar.settings",
    "sidecar.plugins.clickhouse.settings",
    "sidecar.plugins.debug",
    "sidecar.plugins.images.settings",
    "sidecar.plugins.telegram_alerts.settings",
    "sidecar.plugins.figure_alerts.settings",
    "sidecar.plugins.telegram_digest.settings",
    "sidecar.plugins.webhook.settings",
    "sidecar.embedded.settings",
    "web.settings",
    "stack.settings",
)
PARAMETERS = re.compile(r"<!-- parameters: (?P<name>\w+) -->\n((?!<!-- end -->).*\n)*<!-- end -->")
_NOTE = "<!-- Written by docs/generate.py. Change the code it is read from, then run it again. -->\n"


def events() -> str:
    """Return docs/events.md, from the registry of events."""
    lines = [
        "# Events\n",
        _NOTE,
        "An event is an OpenTelemetry LogRecord named `chattrail.<type>`; its data are flat attributes. An attribute that is",
        "not known is not sent. Private ones stay in the bot when message texts are switched off (`message_text=False`).\n",
        "## On every event\n",
        *_attribute_table(COMMON),
        "\n## On every process (resource)\n",
        *_attribute_table(RESOURCE),
    ]
    for name, event in EVENT_TYPES.items():
        lines += [f"\n## {name}\n", f"`{event.__name__}`: {event.when}.", ""]
        fields = attributes_of(event)
        if fields:
            lines += ["| field | attribute | meaning | example |", "| --- | --- | --- | --- |"]
            lines += [f"| `{field}` | {_attribute_row(attribute)} |" for field, attribute in fields.items()]
        else:
            lines.append("It has no attributes of its own.")
    lines += [
        "\n## Custom events\n",
        "What only your bot knows is one line, in a handler or anywhere else:\n",
        "```python",
        'chattrail_tracker.track("quiz_finished", score=3, level="b1")',
        "```\n",
        "Names of events and properties are 1 to 64 of a-z, 0-9 and _, and begin with a letter. A property is a text (cut",
        f"after {MAX_TEXT:,} characters), a number, True or False; None is no property. An event has at most {MAX_PROPERTIES}.",
        f"The arguments of `track()` are no properties: {_reserved()}.",
        "Whoever needs such a name makes the event first: `track(Custom(name=…, properties={…}))` of `chattrail.events`.\n",
        "Tracking never raises. A wrong property is left out and its event kept; an event with a wrong name is left out and",
        "counted in `chattrail.dropped.failed`. A line of the log `chattrail`, at most one a minute, says what is wrong and at",
        "which line of the bot, without quoting a value. With `message_text=False` texts among the properties are not sent,",
        "since they may be a person's words; numbers, booleans and names are. An update that Telegram delivers again counts",
        "once for each name.",
        "\n## Answers of a model\n",
        "Where OpenTelemetry GenAI instrumentation is installed and the program has a tracer provider, the model calls that end",
        "while an update is handled (spans whose `gen_ai.operation.name` is chat, text_completion or generate_content) are the",
        "next answer's: its provider and model are those of the last call that went well, its tokens and duration the sums.",
        "`error_type` is that of the last call, if it failed: of the apology that is sent then. What `details` says wins. Both",
        "generations of the conventions are read (`gen_ai.provider.name` and `gen_ai.system`). A call inside another one's",
        "span, of a second instrumentation, counts once; where the answer is a stream, the outer span ends before it, and what",
        "it says goes to the message that is sent first: have one instrumentation of a client, not two. Calls that end outside",
        "of updates, in jobs or in a `run_in_executor` (`asyncio.to_thread` keeps the update), are not seen, nor are spans that",
        "a sampler drops: say what is known of those answers with `details`, and of every part of an answer that is sent in",
        "several messages. A provider that is not the global one needs",
        "`provider.add_span_processor(chattrail.genai.GenAiSpans())`.\n",
        "\n## Whose an event is\n",
        "An event is its person's: of the sender of an update, or of the private chat that a message goes to. In a private",
        "chat what the bot itself posts, such as a refund, is the other side's; a refund in a group is theirs whose payment the",
        "process has seen. A press by a business account's owner is nobody's. Telegram's service accounts are no people:",
        "777000 (automatic forwards from a linked channel), 1087968824 (anonymous admins), 136817688 (posts as a channel);",
        "nor are other bots. What they post is not recorded. A command that names another bot (`/help@other_bot`) is a text",
        "like any other. An update ends with its handlers: what a job sends that one of them scheduled belongs to the chat it",
        "goes to, and `track()` there needs `user=`; so it does in a `run_in_executor`, which knows of no update. Sessions,",
        "personas and stories are those of a person with one bot.\n",
        "What the bot sends to a chat in which it answers no person (a post, an answer to a service account) is a plain log",
        f"named `{CHAT_PREFIX}<type>`, with the attributes of that type and `telegram.chat.id`. It is no event: it has no",
        "`event.id`, `event.sequence`, `user.id` or `session.id`, is in no trail and no figure, and stands in `logs` and",
        "`otel_logs`.",
        "\n## What a bot's message is\n",
        "What a bot sends is a `bot_message`. It is an `ai_message` when the bot says so: inside of `details(…)` with a",
        "provider, a model, tokens, a duration or an error, with GenAI instrumentation, or by tracking an `AiMessage`. A photo is",
        "`image_generated` when the details name a prompt, an image or a model; its caption is a message of its own with the",
        "same message id. So it is from version 0.1.0 on. What ran before that release recorded everything that a bot sent as",
        "`ai_message` or `image_generated`, and such rows stay as they are.\n",
        f"Edits of one message are one event, {QUIET_S:g} seconds after the last of them or {LONGEST_S:g} after the first, at",
        "the end, and before anything else about the message: bots stream answers by edits. The first one that the bot says to",
        "be an AI answer, of a message that was none, is an `ai_message`; all others are `message_edited`. Drafts are counted",
        "as edits of the message that is sent at last; of those that none follows within a minute nothing stays, in the chat",
        "and in the trail.\n",
        f"What a copied message says is known while it is one of the last {MESSAGES} of the process; the texts of a poll's",
        f"options, the price of paid media and who has blocked the bot ({BLOCKED:,} people) are remembered by the process.",
        "\n## What becomes of updates\n",
        "The fields of Telegram's Update. Polling asks for those that are recorded; a webhook has to name them.\n",
        *_rules(UPDATES),
        "\n## What becomes of calls\n",
        "The methods of the Bot API.\n",
        *_rules(METHODS),
        "\n## What becomes of a message's content\n",
        "The kinds of `user_message` and `bot_message`, and what they keep besides the caption.\n",
        *_rules(CONTENTS),
        "\n## Delivered again\n",
        "Telegram delivers an update again when a webhook was slow, maybe to another process. So `event.id` of what an update is",
        "follows from bot, update and kind, that of what the bot tracks meanwhile from bot, update, type (with a custom event's",
        "name) and ordinal, and that of a payment or refund from its charge. Their time is the update's, in Telegram's whole",
        "seconds, so that storage keeps one row of them; `event.sequence` orders a second, and a chat's numbers its messages.",
        "These ids are UUIDv5.",
        "Buttons and chosen inline results have no time: theirs is that of their arrival, in whole seconds, and their ids are",
        "UUIDv8, of which storage keeps the earliest row. What the bot really sends twice are two events, with UUIDv7 ids.",
        "\n## When a process is over\n",
        f"`{PROCESS_ENDED}` is no event, has no `event.id` and counts in no figure: it lets loss accounting see the",
        "end of a sequence. A tracker with a `state` folder sends it about itself when it ends in good order, and when it",
        "starts about those of the folder that were killed. Besides, it has `chattrail.dropped.*` as above. It may come twice.\n",
        *_attribute_table(ATTRIBUTES),
    ]
    return "\n".join(lines) + "\n"


def _rules(rules: Mapping[str, Rule[Any]]) -> Iterator[str]:
    """Return a table of what is recorded, and lists of what is not, by reason."""
    yield "| name | recorded as |"
    yield "| --- | --- |"
    ignored: dict[str, list[str]] = {}
    for name, rule in rules.items():
        if rule.read is None:
            ignored.setdefault(rule.says, []).append(f"`{name}`")
        else:
            yield f"| `{name}` | {rule.says} |"
    yield "\nIgnored:\n"
    for reason, names in ignored.items():
        yield f"- {reason}: {', '.join(names)}"


def _reserved() -> str:
    arguments = inspect.signature(Tracker.track).parameters.values()
    return ", ".join(f"`{one.name}`" for one in arguments if one.kind is inspect.Parameter.KEYWORD_ONLY)


def _attribute_table(attributes: tuple[Attribute, ...]) -> Iterator[str]:
    yield "| attribute | meaning | example |"
    yield "| --- | --- | --- |"
    for attribute in attributes:
        yield f"| {_attribute_row(attribute)} |"


def _attribute_row(attribute: Attribute) -> str:
    private = " Private." if attribute.private else ""
    return f"`{attribute.name}` | {attribute.description}{private} | `{attribute.example!r}`"


def settings() -> str:
    """Return docs/settings.md, from the Settings of every part."""
    lines = [
        "# Settings\n",
        _NOTE,
        "Environment variables, read once at start. An unknown `CHATTRAIL_` name is an error that suggests the nearest one; an",
        "empty variable counts as unset. Events are exported by the standard `OTEL_EXPORTER_OTLP_*` variables of OpenTelemetry.",
    ]
    for model in all_settings():
        lines += [f"\n## {model.__module__}\n", (model.__doc__ or "").strip().partition("\n")[0], ""]
        lines += ["| variable | type | default | meaning |", "| --- | --- | --- | --- |"]
        for variable, field in zip(model.variables(), model.model_fields.values(), strict=True):
            cells = (f"`{variable}`", type_name(field.annotation), _default(field), field.description or "")
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def all_settings() -> list[type[Settings]]:
    """Return every Settings model that the listed modules define."""
    models: list[type[Settings]] = []
    for name in SETTINGS_MODULES:
        module = importlib.import_module(name)
        models += [
            found
            for found in vars(module).values()
            if isinstance(found, type) and issubclass(found, Settings) and found.__module__ == name
        ]
    return models


def type_name(annotation: Any) -> str:
    """Name a field's type for people who set variables, not for Python."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_name(arguments[0])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(type_name(one) for one in arguments if one is not NoneType))
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in arguments)
    if origin in (tuple, list, set, frozenset):
        inner = [one for one in arguments if one is not ...]
        return f"comma list of {type_name(inner[0])}" if inner else "comma list"
    if isinstance(annotation, type):
        if issubclass(annotation, Enum):
            return " or ".join(f"`{choice.value}`" for choice in annotation)
        known = {
            bool: "true or false",
            int: "whole number",
            float: "number",
            str: "text",
            Path: "path",
            SecretStr: "secret",
        }
        return "URL" if annotation.__name__.endswith("Url") else known.get(annotation, annotation.__name__)
    return str(annotation).replace("typing.", "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None or default is PydanticUndefined or default in ("", (), [], frozenset()):
        return "unset"
    if isinstance(default, SecretStr):
        return "unset" if not default.get_secret_value() else "secret"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple | list | set | frozenset):
        return f"`{','.join(map(str, default))}`"
    return f"`{default.value if isinstance(default, Enum) else default}`"


def parameters() -> str:
    """Return docs/api.md with the tables of parameters that the routes have."""
    rows = {operation.name: parameter_rows(operation.parameters) for _, operation in operations(described_app(api))}

    def table(match: re.Match[str]) -> str:
        lines = [f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in rows[match["name"]]]
        head = "| parameter | values | default |\n|---|---|---|"
        return "\n".join((f"<!-- parameters: {match['name']} -->", head, *lines, "<!-- end -->"))

    return PARAMETERS.sub(table, (HERE / "api.md").read_text(encoding="utf-8"))


PAGES: dict[str, Callable[[], str]] = {"events.md": events, "settings.md": settings, "api.md": parameters}


def main(check: bool) -> int:
    """Write the pages, or tell which are out of date."""
    stale = []
    for name, page in PAGES.items():
        path, text = HERE / name, page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    if check and stale:
        print(f"out of date: {', '.join(stale)}; run python docs/generate.py", file=sys.stderr)
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main("--check" in sys.argv[1:]))
