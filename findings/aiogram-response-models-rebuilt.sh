#!/usr/bin/env bash
# aiogram 3.31.0 with pydantic 2.13.5: the model for an answer of Telegram's is built anew whenever Python's cyclic
# collector has run.
#
# aiogram parses each answer with `Response[method.__returning__]`, a parametrized generic model, and keeps no reference
# to it. pydantic remembers such a model in a WeakValueDictionary only. A class is part of reference cycles, so it lives
# until a collection comes by; the first answer behind that makes the class and its validator again: 3 to 20 ms on the
# event loop for Response[Message] where this was seen, instead of 0.02 ms. A program that holds the class in a variable
# pays once. The pause looks like the collector's own and is not: it comes later, in the middle of a call to Telegram.
#
# Source: BaseSession.check_response in aiogram/client/session/base.py; _GENERIC_TYPES_CACHE in
# pydantic/_internal/_generics.py.
# Met as calls that now and then take milliseconds longer; chattrail/aiogram/sends.py holds the models.
#
# Output seen:
#   100 answers: 1 build of the model
#   100 answers, a full collection before each: 100 builds
#   the same, with Response[Message] held: 0 builds
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiogram==3.31.0 pydantic==2.13.5
"$folder/venv/bin/python" - <<'PYTHON'
import gc
import json
import sys

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.methods import Response, SendMessage
from aiogram.types import Message
from pydantic._internal import _generics

builds = 0
make = _generics.create_generic_submodel


def counted(*arguments):
    global builds
    builds += 1
    return make(*arguments)


_generics.create_generic_submodel = counted
answer = json.dumps({"ok": True, "result": {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}}})
session = AiohttpSession()
bot = Bot("1:a-token", session=session)
call = SendMessage(chat_id=1, text="hello")


def receive(times, collect):
    global builds
    builds = 0
    for _ in range(times):
        if collect:
            gc.collect()
        session.check_response(bot, call, 200, answer)
    return builds


gc.disable()
plain, collected = receive(100, collect=False), receive(100, collect=True)
held = Response[Message]
kept = receive(100, collect=True)
print(f"100 answers: {plain} build of the model")
print(f"100 answers, a full collection before each: {collected} builds")
print(f"the same, with Response[Message] held: {kept} builds")
sys.exit((plain, collected, kept) != (1, 100, 0))
PYTHON
