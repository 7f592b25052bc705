"""Keyboards under messages: checked as the server checks them, and read by the people who press their buttons."""

from collections.abc import Iterator
from typing import Any

from stack.simulators.telegram.wire import Json, Params, bad_request

LONGEST_CALLBACK_DATA = 64
INLINE_ACTIONS = frozenset(
    {
        "url", "callback_data", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat",
        "switch_inline_query_chosen_chat", "copy_text", "callback_game", "pay",
    }
)  # fmt: skip


def read_markup(params: Params, *, inline_only: bool = False) -> Json | None:
    """Return the reply markup of a call, checked. Raises the server's 400s.

    `inline_only` is for edits, where Telegram takes no other kind.
    """
    markup = params.mapping("reply_markup")
    if not markup:
        return None
    if "inline_keyboard" in markup:
        for button in _buttons(markup["inline_keyboard"], "inline keyboard"):
            _check_inline(button)
        return {"inline_keyboard": markup["inline_keyboard"]} if any(markup["inline_keyboard"]) else None
    if inline_only:
        raise bad_request("inline keyboard expected")
    if "keyboard" in markup:
        for button in _buttons(markup["keyboard"], "reply keyboard"):
            if not (isinstance(button, str) or (isinstance(button, dict) and button.get("text"))):
                raise bad_request("can't parse keyboard button: Text is not specified")
    elif not ({"remove_keyboard", "force_reply"} & markup.keys()):
        raise bad_request("can't parse reply markup: unknown type")
    return markup


def inline_buttons(markup: Json | None) -> Iterator[Json]:
    """Yield the inline buttons in reading order."""
    for row in (markup or {}).get("inline_keyboard", []):
        yield from row


def callback_buttons(markup: Json | None) -> list[str]:
    """Return the callback data of all inline buttons that have some."""
    return [button["callback_data"] for button in inline_buttons(markup) if "callback_data" in button]


def _buttons(rows: Any, name: str) -> list[Any]:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request(f"can't parse {name}: Expected an Array of Arrays")
    return [button for row in rows for button in row]


def _check_inline(button: Any) -> None:
    if not isinstance(button, dict):
        raise bad_request("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    if not button.get("text"):
        raise bad_request("can't parse inline keyboard button: Can't find field \"text\"")
    if not INLINE_ACTIONS & button.keys():
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= LONGEST_CALLBACK_DATA:
        raise bad_request("BUTTON_DATA_INVALID")
