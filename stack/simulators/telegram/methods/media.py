"""Photos and other files: sending one or an album, and downloading by file_id."""

import ipaddress
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from stack.simulators.telegram.entities import check_length, read_formatted
from stack.simulators.telegram.files import LARGEST_PHOTO
from stack.simulators.telegram.methods.messages import read_extras
from stack.simulators.telegram.state import METHODS, Method, State, method
from stack.simulators.telegram.wire import Json, Params, Upload, bad_request

LONGEST_CAPTION = 1024


def read_caption(params: Params) -> Json:
    """Return `caption` and `caption_entities`, checked; empty when there is no caption."""
    given = params.structure("caption_entities")
    text, entities = read_formatted(params.text("caption"), params.text("parse_mode"), given)
    check_length(text, LONGEST_CAPTION, "message caption is too long")
    if not text:
        return {}
    return {"caption": text, **({"caption_entities": entities} if entities else {})}


async def photo_sizes(state: State, upload: Upload | None, reference: str | None) -> list[Json]:
    """Return the sizes of an uploaded photo, of one known by file_id, or of one at an address."""
    if upload is not None:
        if not upload.data:
            raise bad_request("file must be non-empty")
        return await state.files.add_photo(upload.data)
    if reference is None:
        raise bad_request("there is no photo in the request")
    if reference.startswith(("http://", "https://")):
        return await state.files.add_photo(await _download(reference))
    return state.files.photo(reference)


async def photo_content(state: State, params: Params, item: Any) -> Json:
    """Return photo and caption of an InputMediaPhoto."""
    if not isinstance(item, dict) or not item.get("media"):
        raise bad_request("can't parse InputMedia: Can't find field \"media\"")
    if item.get("type") != "photo":
        raise bad_request(f"can't parse InputMedia: type {item.get('type')} is not simulated")
    fields = Params(item)
    media, caption = fields.text("media") or "", read_caption(fields)
    return {"photo": await photo_sizes(state, params.attached(media), media), **caption}


@method
async def send_photo(state: State, params: Params) -> Json:
    chat = state.writable_chat(params)
    caption, extras = read_caption(params), read_extras(state, params, chat.id)
    sizes = await photo_sizes(state, params.upload("photo"), params.text("photo"))
    spoiler: Json = {"has_media_spoiler": True} if params.flag("has_spoiler") else {}
    return state.from_bot(chat, {"photo": sizes, **caption, **spoiler, **extras})


@method
async def send_media_group(state: State, params: Params) -> list[Json]:
    """Send an album of 2 to 10 photos."""
    chat = state.writable_chat(params)
    media = params.array("media")
    if media is None or not 2 <= len(media) <= 10:
        raise bad_request("MEDIA_INVALID" if media else "there are no messages to send")
    contents = [await photo_content(state, params, item) for item in media]
    extras = read_extras(state, params, chat.id)
    group = str(state.message_id() + 10_000_000_000)
    return [state.from_bot(chat, {"media_group_id": group, **content, **extras}) for content in contents]


@method
async def get_file(state: State, params: Params) -> Json:
    stored = state.files.get(params.text("file_id") or "")
    ids = {"file_id": stored.file_id, "file_unique_id": stored.unique_id}
    return {**ids, "file_size": len(stored.data), "file_path": stored.path}


def _sender(field: str, folder: str, facts: Callable[[Params, Upload], Json], *, captioned: bool = True) -> Method:
    async def send_file(state: State, params: Params) -> Json:
        chat = state.writable_chat(params)
        upload, reference = params.upload(field), params.text(field)
        if upload is not None:
            extension = upload.name.rpartition(".")[2] or "bin"
            file = state.files.add(upload.data, folder, extension, facts(params, upload))
        elif reference is not None:
            file = state.files.get(reference)
        else:
            raise bad_request(f"there is no {field.replace('_', ' ')} in the request")
        caption = read_caption(params) if captioned else {}
        return state.from_bot(chat, {field: file.as_json, **caption, **read_extras(state, params, chat.id)})

    return send_file


def _numbers(**defaults: int) -> Callable[[Params, Upload], Json]:
    """Return the facts of a kind that has these whole numbers, and a media type."""
    return lambda params, upload: {
        **{name: params.integer(name) or default for name, default in defaults.items()}, "mime_type": upload.content_type
    }  # fmt: skip


def _document(params: Params, upload: Upload) -> Json:
    return {"file_name": upload.name, "mime_type": upload.content_type}


def _sticker(params: Params, upload: Upload) -> Json:
    sticker: Json = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
    return sticker | ({"emoji": params.text("emoji")} if params.text("emoji") else {})


_video = _numbers(width=320, height=240, duration=0)
METHODS |= {
    "senddocument": _sender("document", "documents", _document),
    "sendvoice": _sender("voice", "voice", _numbers(duration=0)),
    "sendaudio": _sender("audio", "music", _numbers(duration=0)),
    "sendvideo": _sender("video", "videos", _video),
    "sendanimation": _sender("animation", "animations", _video),
    "sendvideonote": _sender("video_note", "video_notes", _numbers(length=240, duration=0), captioned=False),
    "sendsticker": _sender("sticker", "stickers", _sticker, captioned=False),
}


async def _download(address: str) -> bytes:
    """Fetch a photo by address, from this machine only: a simulation does not use the internet."""
    try:
        if not ipaddress.ip_address(urlsplit(address).hostname or "").is_loopback:
            raise ValueError(address)
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(address, allow_redirects=False) as response,
        ):
            response.raise_for_status()
            return await response.content.read(LARGEST_PHOTO + 1)
    except (ValueError, TimeoutError, aiohttp.ClientError):
        raise bad_request("failed to get HTTP URL content") from None
