"""Images: one, an album, and one that changes in place."""

import struct
import zlib

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    Message,
)

ANOTHER = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Another", callback_data="another")]])


def png(shade: int) -> BufferedInputFile:
    """Return a small grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = b"".join(b"\x00" + bytes([shade] * 16) for _ in range(16))
    header = struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return BufferedInputFile(b"\x89PNG\r\n\x1a\n" + body, f"{shade}.png")


def make() -> Router:
    router = Router(name="gallery")

    @router.message(Command("gallery"))
    async def album(message: Message) -> None:
        await message.answer_media_group(
            [InputMediaPhoto(media=png(10), caption="Two greys"), InputMediaPhoto(media=png(200))]
        )

    @router.message(Command("picture"))
    async def image(message: Message) -> None:
        await message.answer_photo(png(90), reply_markup=ANOTHER)

    @router.callback_query(F.data == "another")
    async def another(query: CallbackQuery) -> None:
        await query.answer()
        if isinstance(query.message, Message):
            await query.message.edit_media(InputMediaPhoto(media=png(120)), reply_markup=ANOTHER)

    return router
