"""Messages that are neither text nor a file: dice, contacts, places, gifts, checklists, paid media."""

import secrets

from stack.simulators.telegram.entities import check_length, read_formatted
from stack.simulators.telegram.methods.media import photo_sizes, read_caption
from stack.simulators.telegram.methods.messages import read_extras
from stack.simulators.telegram.state import State, method
from stack.simulators.telegram.wire import Json, Params, bad_request

DICE = {"🎲": 6, "🎯": 6, "🎳": 6, "🏀": 5, "⚽": 5, "🎰": 64}
MOST_STARS = 25_000
GIFTS = {"5170145012310081615": 15, "5170233102089322756": 15, "5168103777563050263": 25}
"""Gifts that can be sent, and what they cost."""


@method
async def send_dice(state: State, params: Params) -> Json:
    chat, emoji = state.writable_chat(params), params.text("emoji") or "🎲"
    if emoji not in DICE:
        raise bad_request("DICE_EMOJI_INVALID")
    dice = {"emoji": emoji, "value": secrets.randbelow(DICE[emoji]) + 1}
    return state.from_bot(chat, {"dice": dice, **read_extras(params, chat)})


@method
async def send_contact(state: State, params: Params) -> Json:
    chat, phone, name = state.writable_chat(params), params.text("phone_number"), params.text("first_name")
    if phone is None:
        raise bad_request("phone number is empty")
    if name is None:
        raise bad_request("contact name must be non-empty")
    last: Json = {"last_name": params.text("last_name")} if params.text("last_name") else {}
    return state.from_bot(
        chat, {"contact": {"phone_number": phone, "first_name": name, **last}, **read_extras(params, chat)}
    )


@method
async def send_location(state: State, params: Params) -> Json:
    chat = state.writable_chat(params)
    return state.from_bot(chat, {"location": read_location(params), **read_extras(params, chat)})


@method
async def send_venue(state: State, params: Params) -> Json:
    """Send a place with a name; its location stands beside it, too, as in Telegram."""
    chat, location = state.writable_chat(params), read_location(params)
    venue = {"location": location, "title": params.text("title") or "", "address": params.text("address") or ""}
    return state.from_bot(chat, {"venue": venue, "location": location, **read_extras(params, chat)})


@method
async def send_checklist(state: State, params: Params) -> Json:
    """Send a checklist for a business account: no other chat takes one."""
    if params.text("business_connection_id") is None:
        raise bad_request("business connection not found")
    chat, given = state.writable_chat(params), params.mapping("checklist")
    tasks = given.get("tasks")
    if not isinstance(given.get("title"), str) or not isinstance(tasks, list) or not tasks:
        raise bad_request("can't parse InputChecklist JSON object")
    if not all(isinstance(task, dict) and task.get("text") for task in tasks):
        raise bad_request("expected an Array of InputChecklistTask")
    checklist = {"title": given["title"], "tasks": [{"id": task.get("id"), "text": task["text"]} for task in tasks]}
    return state.from_bot(chat, {"checklist": checklist, **read_extras(params, chat)})


@method
async def send_paid_media(state: State, params: Params) -> Json:
    """Send photos that cost Stars. Until they are paid a person sees them blurred."""
    chat, stars, media = state.writable_chat(params), params.integer("star_count"), params.array("media")
    if stars is None or not 1 <= stars <= MOST_STARS:
        raise bad_request("EXTENDED_MEDIA_AMOUNT_INVALID")
    if not media or len(media) > 10:
        raise bad_request("MEDIA_INVALID")
    photos = []
    for item in media:
        if not isinstance(item, dict) or item.get("type") != "photo" or not isinstance(item.get("media"), str):
            raise bad_request("can't parse input paid media JSON object")
        sizes = await photo_sizes(state, params.attached(item["media"]), item["media"])
        photos.append({"type": "photo", "photo": sizes})
    info = {"star_count": stars, "paid_media": photos}
    message = state.from_bot(chat, {"paid_media": info, **read_caption(params), **read_extras(params, chat)})
    state.payments.paid_media[chat.id, message["message_id"]] = params.text("payload") or ""
    return message


@method
async def get_available_gifts(state: State, params: Params) -> Json:
    return {"gifts": [gift(gift_id) for gift_id in GIFTS]}


@method
async def send_gift(state: State, params: Params) -> bool:
    """Send a gift: the chat shows it, and the bot gets nothing but True."""
    user = params.integer("user_id") or params.integer("chat_id")
    if user is None:
        raise bad_request("invalid user_id specified")
    chat = state.chats.get(user)
    if chat is None:
        raise bad_request("user not found")
    gift_id = params.text("gift_id") or ""
    if gift_id not in GIFTS:
        raise bad_request("STARGIFT_INVALID")
    text, _ = read_formatted(params.text("text"), params.text("text_parse_mode"), params.structure("text_entities"))
    check_length(text, 128, "STARGIFT_MESSAGE_INVALID")
    state.from_bot(chat, {"gift": {"gift": gift(gift_id), **({"text": text} if text else {})}})
    return True


def gift(gift_id: str) -> Json:
    """Return the Gift object of the wire."""
    size: Json = {"type": "custom_emoji", "width": 512, "height": 512, "is_animated": True, "is_video": False}
    sticker = {"file_id": f"CAACAgIAAxUAA{gift_id}", "file_unique_id": f"AgAD{gift_id[-8:]}", **size, "emoji": "🎁"}
    return {"id": gift_id, "sticker": sticker, "star_count": GIFTS[gift_id]}


def read_location(params: Params) -> Json:
    """Return the Location object of a call, checked."""
    place: Json = {}
    for name, largest in (("latitude", 90.0), ("longitude", 180.0)):
        given = params.text(name)
        if given is None:
            raise bad_request(f"{name} is empty")
        try:
            place[name] = float(given)
        except ValueError:
            raise bad_request(f"{name} is empty") from None
        if not -largest <= place[name] <= largest:
            raise bad_request("wrong parameter location in request")
    return place
