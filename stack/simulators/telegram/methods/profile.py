"""The bot's own profile: its name, commands and descriptions; and what it may ask about a chat."""

import re

from stack.simulators.telegram.state import METHODS, State, method
from stack.simulators.telegram.wire import Json, Params, bad_request

COMMAND_NAME = re.compile(r"[a-z0-9_]{1,32}")
MOST_COMMANDS = 100


@method
async def get_me(state: State, params: Params) -> Json:
    cannot = ("can_read_all_group_messages", "supports_inline_queries", "can_connect_to_business", "has_main_web_app")
    return {**state.bot, "can_join_groups": True, **dict.fromkeys(cannot, False)}


@method
async def get_chat(state: State, params: Params) -> Json:
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    settings = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(gifts, True)}
    return {**state.chat(params).as_json, **settings}


@method
async def set_my_commands(state: State, params: Params) -> bool:
    """Set the commands of a scope and language."""
    commands = params.array("commands")
    if commands is None or not all(isinstance(command, dict) for command in commands):
        raise bad_request("can't parse commands: Expected an Array of BotCommand")
    if len(commands) > MOST_COMMANDS:
        raise bad_request("too many commands specified")
    for command in commands:
        if not COMMAND_NAME.fullmatch(str(command.get("command", "")).removeprefix("/")):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    state.profile["commands", _scope(params)] = commands
    return True


@method
async def get_my_commands(state: State, params: Params) -> object:
    return state.profile.get(("commands", _scope(params)), [])


@method
async def delete_my_commands(state: State, params: Params) -> bool:
    state.profile.pop(("commands", _scope(params)), None)
    return True


@method
async def set_chat_menu_button(state: State, params: Params) -> bool:
    state.profile["menu_button", params.text("chat_id") or ""] = params.mapping("menu_button") or {"type": "default"}
    return True


@method
async def get_chat_menu_button(state: State, params: Params) -> object:
    return state.profile.get(("menu_button", params.text("chat_id") or ""), {"type": "default"})


def _scope(params: Params) -> str:
    scope = params.mapping("scope") or {"type": "default"}
    return f"{scope.get('type')}/{scope.get('chat_id', '')}/{params.text('language_code') or ''}"


def _register_text(field: str, longest: int) -> None:
    """Register the setter and the getter of a text that the bot has in each language."""

    async def set_text(state: State, params: Params) -> bool:
        text = params.text(field) or ""
        if len(text) > longest:
            raise bad_request(f"{field.replace('_', ' ')} is too long")
        state.profile[field, params.text("language_code") or ""] = text
        return True

    async def get_text(state: State, params: Params) -> Json:
        default = state.bot["first_name"] if field == "name" else ""
        return {field: state.profile.get((field, params.text("language_code") or ""), default)}

    name = field.replace("_", "")
    METHODS.update({f"setmy{name}": set_text, f"getmy{name}": get_text})


_register_text("name", 64)
_register_text("description", 512)
_register_text("short_description", 120)
