"""Photos and other files: sending one or an album, and downloading by file_id."""

import ipaddress
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from stack.simulators.telegram.entities import check_length, read_formatted
from stack.simulators.telegram.files import LARGEST_PHOTO
from stack.simulators.telegram.methods.messages import post, read_extras
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


async def media_content(state: State, params: Params, item: Any) -> Json:
    """Return file and caption of an InputMedia object."""
    if not isinstance(item, dict) or not item.get("media"):
        raise bad_request("can't parse InputMedia: Can't find field \"media\"")
    kind, fields = str(item.get("type")), Params(item)
    media, caption = fields.text("media") or "", read_caption(fields)
    upload = params.attached(media)
    if kind == "photo":
        return {"photo": await photo_sizes(state, upload, media), **caption}
    if kind not in FILES or kind == "sticker":
        raise bad_request(f"can't parse InputMedia: type {kind} is not simulated")
    return {**_file(state, kind, fields, upload, media), **caption}


@method
async def send_photo(state: State, params: Params) -> Json:
    chat, caption = state.writable_chat(params), read_caption(params)
    sizes = await photo_sizes(state, params.upload("photo"), params.text("photo"))
    spoiler: Json = {"has_media_spoiler": True} if params.flag("has_spoiler") else {}
    return post(state, params, chat, {"photo": sizes, **caption, **spoiler})


@method
async def send_live_photo(state: State, params: Params) -> Json:
    """Send a short video and the photo that stands for it, which old clients show."""
    chat, caption = state.writable_chat(params), read_caption(params)
    sizes = await photo_sizes(state, params.upload("photo"), params.text("photo"))
    content = _file(state, "live_photo", params, params.upload("live_photo"), params.text("live_photo"))
    return post(state, params, chat, {**content, "photo": sizes, **caption})


@method
async def send_media_group(state: State, params: Params) -> list[Json]:
    """Send an album of 2 to 10 files; documents and music go with their like only."""
    chat = state.writable_chat(params)
    media = params.array("media")
    if media is None or not 2 <= len(media) <= 10:
        raise bad_request("MEDIA_INVALID" if media else "there are no messages to send")
    contents = [await media_content(state, params, item) for item in media]
    if len({next((kind for kind in ("document", "audio") if kind in one), "") for one in contents}) > 1:
        raise bad_request("can't use the media of the specified type in the album")
    extras, album = read_extras(params, chat), {"media_group_id": state.album_id()}
    return [state.from_bot(chat, {**album, **content, **extras}) for content in contents]


@method
async def get_file(state: State, params: Params) -> Json:
    stored = state.files.get(params.text("file_id") or "")
    ids = {"file_id": stored.file_id, "file_unique_id": stored.unique_id}
    return {**ids, "file_size": len(stored.data), "file_path": stored.path}


def _file(state: State, field: str, params: Params, upload: Upload | None, reference: str | None) -> Json:
    """Return the content of a message with a file that was uploaded, or that its file_id names."""
    folder, facts = FILES[field]
    if upload is not None:
        extension = upload.name.rpartition(".")[2] or "bin"
        file = state.files.add(upload.data, folder, extension, facts(params, upload))
    elif reference is not None:
        file = state.files.get(reference)
    else:
        raise bad_request(f"there is no {field.replace('_', ' ')} in the request")
    # An animation stands beside a document of the same file, for old clients.
    return {field: file.as_json, **({"document": file.as_json} if field == "animation" else {})}


def _sender(field: str) -> Method:
    async def send_file(state: State, params: Params) -> Json:
        chat = state.writable_chat(params)
        content = _file(state, field, params, params.upload(field), params.text(field))
        return post(state, params, chat, content | (read_caption(params) if field not in UNCAPTIONED else {}))

    return send_file


def _numbers(**defaults: int) -> Callable[[Params, Upload], Json]:
    """Return the facts of a kind that has these whole numbers, and a media type."""
    return lambda params, upload: {
        **{name: params.integer(name) or default for name, default in defaults.items()}, "mime_type": upload.content_type
    }  # fmt: skip


def _document(params: Params, upload: Upload) -> Json:
    return {"file_name": upload.name, "mime_type": upload.content_type}


def _audio(params: Params, upload: Upload) -> Json:
    named = {name: params.text(name) for name in ("performer", "title") if params.text(name)}
    return {
        "duration": params.integer("duration") or 0,
        "file_name": upload.name,
        "mime_type": upload.content_type,
        **named,
    }


def _sticker(params: Params, upload: Upload) -> Json:
    sticker: Json = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
    return sticker | ({"emoji": params.text("emoji")} if params.text("emoji") else {})


_video = _numbers(width=320, height=240, duration=0)
FILES: dict[str, tuple[str, Callable[[Params, Upload], Json]]] = {
    "document": ("documents", _document),
    "voice": ("voice", _numbers(duration=0)),
    "audio": ("music", _audio),
    "video": ("videos", _video),
    "animation": ("animations", _video),
    "video_note": ("video_notes", _numbers(length=240, duration=0)),
    "sticker": ("stickers", _sticker),
    "live_photo": ("live_photos", _video),
}
"""By the field of the message: the folder of downloads, and what the file object has besides."""
UNCAPTIONED = frozenset({"video_note", "sticker"})
METHODS |= {f"send{field.replace('_', '')}": _sender(field) for field in FILES if field != "live_photo"}


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
