"""Every method, kind of update and content of the installed aiogram is in the tables: the newest here, the oldest by
tests/integration/chattrail/test_environments.py.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiogram import methods
from aiogram.enums import ContentType
from aiogram.methods import TelegramMethod
from aiogram.types import Update

from chattrail import botapi
from chattrail.botapi.content import CONTENTS
from chattrail.botapi.methods import METHODS
from chattrail.botapi.rules import Rule, table
from chattrail.botapi.updates import UPDATES

TABLES: dict[str, Mapping[str, Rule[Any]]] = {"methods": METHODS, "updates": UPDATES, "contents": CONTENTS}


def api_methods() -> set[str]:
    found = [getattr(methods, name) for name in methods.__all__]
    return {one.__api_method__ for one in found if issubclass(one, TelegramMethod) and one is not TelegramMethod}


INSTALLED = {
    "methods": api_methods(),
    "updates": set(Update.model_fields) - {"update_id"},
    "contents": {content.value for content in ContentType} - {"any", "unknown"},
}


@pytest.mark.parametrize("name", TABLES)
def test_everything_that_is_installed_has_a_rule(name: str) -> None:
    assert len(INSTALLED[name]) > 15
    assert INSTALLED[name] - TABLES[name].keys() == set(), f"give them a rule in the table of {name}"


@pytest.mark.parametrize("name", TABLES)
def test_every_rule_says_what_or_why(name: str) -> None:
    rules = TABLES[name]
    assert all(rule.says for rule in rules.values())
    assert any(rule.read is None for rule in rules.values())
    assert any(rule.read is not None for rule in rules.values())


def test_nothing_has_two_rules() -> None:
    with pytest.raises(ValueError, match="close has two rules"):
        table({"close": ("a", print)}, {"b": ["close"]})


def test_the_tables_and_readers_import_no_framework() -> None:
    folder = Path(botapi.__file__).parent
    imports = {
        line
        for file in folder.glob("*.py")
        for line in file.read_text().splitlines()
        if re.match("(from|import) ", line)
    }
    assert len(imports) > 50
    assert [line for line in imports if re.search(r"\b(aiogram|telegram|telebot)\b", line)] == []
