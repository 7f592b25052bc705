"""The bot's own face: who it is, its commands and descriptions; and what it may ask about a chat."""

import re
from collections.abc import Callable
from typing import Any

from stack.simulators.telegram.wire import Json, Params, bad_request
from stack.simulators.telegram.world import World

COMMAND_NAME = re.compile(r"[a-z0-9_]{1,32}")
MOST_COMMANDS = 100
TEXTS = {"Name": ("name", 64), "Description": ("description", 512), "ShortDescription": ("short_description", 120)}


async def get_me(world: World, params: Params) -> Json:
    """`getMe`."""
    return {
        **world.bot,
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def get_chat(world: World, params: Params) -> Json:
    """`getChat`."""
    return {**world.chat(params).as_json, "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": {
        "unlimited_gifts": True, "limited_gifts": True, "unique_gifts": True, "premium_subscription": True,
        "gifts_from_channels": True,
    }}  # fmt: skip


async def set_my_commands(world: World, params: Params) -> bool:
    """`setMyCommands`, per scope and language."""
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
    world.profile["commands", _scope(params)] = commands
    return True


async def get_my_commands(world: World, params: Params) -> object:
    """`getMyCommands`."""
    return world.profile.get(("commands", _scope(params)), [])


async def delete_my_commands(world: World, params: Params) -> bool:
    """`deleteMyCommands`."""
    world.profile.pop(("commands", _scope(params)), None)
    return True


async def set_chat_menu_button(world: World, params: Params) -> bool:
    """`setChatMenuButton`."""
    world.profile["menu_button", params.text("chat_id") or ""] = params.mapping("menu_button") or {"type": "default"}
    return True


async def get_chat_menu_button(world: World, params: Params) -> object:
    """`getChatMenuButton`."""
    return world.profile.get(("menu_button", params.text("chat_id") or ""), {"type": "default"})


def _scope(params: Params) -> str:
    scope = params.mapping("scope") or {"type": "default"}
    return f"{scope.get('type')}/{scope.get('chat_id', '')}/{params.text('language_code') or ''}"


def _setter(field: str, longest: int) -> Callable[[World, Params], Any]:
    async def set_text(world: World, params: Params) -> bool:
        text = params.text(field) or ""
        if len(text) > longest:
            raise bad_request(f"{field.replace('_', ' ')} is too long")
        world.profile[field, params.text("language_code") or ""] = text
        return True

    return set_text


def _getter(field: str) -> Callable[[World, Params], Any]:
    async def get_text(world: World, params: Params) -> Json:
        default = world.bot["first_name"] if field == "name" else ""
        return {field: world.profile.get((field, params.text("language_code") or ""), default)}

    return get_text


METHODS: dict[str, Any] = {
    "getMe": get_me,
    "getChat": get_chat,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    "setChatMenuButton": set_chat_menu_button,
    "getChatMenuButton": get_chat_menu_button,
    **{f"setMy{name}": _setter(field, longest) for name, (field, longest) in TEXTS.items()},
    **{f"getMy{name}": _getter(field) for name, (field, _) in TEXTS.items()},
}
