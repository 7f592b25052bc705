"""The lists by which the guard judges know all that the engine lists: with a newer one they fail on what nobody has judged."""

import json
from collections.abc import Iterator

import pytest

from sidecar.embedded.errors import ClickHouseError
from sidecar.embedded.guard import names
from sidecar.embedded.guard.check import _format
from sidecar.embedded.guard.names import NAMES
from sidecar.embedded.guard.settings import (
    ALLOWED_TEXTS,
    CLOSED,
    FIXED,
    REFUSED,
    REFUSED_TEXTS,
    REFUSED_TYPES,
    SCHEMA,
    TABLE_REFUSED,
    TABLE_TEXTS,
    TEXTS,
)
from sidecar.embedded.sql import literal
from tests.support.embedded import EmbeddedClickHouse, ask
from tests.support.embedded_guard import DENIED, server_with_a_table
from tests.support.sweep.calls import Lists
from tests.support.sweep.privileges import GROUPS, WITHOUT_STATEMENT, statements


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with server_with_a_table(tmp_path_factory.mktemp("embedded")) as server:
        yield server


def listed(server: EmbeddedClickHouse, sql: str) -> set[str]:
    return set(ask(server, sql).text.split())


def test_every_function_is_allowed_or_refused(server: EmbeddedClickHouse) -> None:
    refused = frozenset[str]().union(*names.REFUSED.values())
    of_refused = listed(server, "SELECT concat(name, '=', alias_to) FROM system.functions WHERE alias_to != ''")
    aliases = {pair.split("=")[0] for pair in of_refused if pair.split("=")[1] in refused}
    engine = listed(server, "SELECT name FROM system.functions WHERE origin = 'System'")
    assert engine == ((names.functions() | refused | aliases) & engine)
    assert not names.functions() & (refused | aliases)
    assert (names.functions() - NAMES["syntax"]) | refused <= engine


def test_every_system_table_is_shown_or_hidden(server: EmbeddedClickHouse) -> None:
    engine = listed(server, "SELECT name FROM system.tables WHERE database = 'system'")
    assert engine == NAMES["shown_tables"] | NAMES["hidden_tables"]
    assert not NAMES["shown_tables"] & NAMES["hidden_tables"]


def test_every_setting_is_judged(server: EmbeddedClickHouse) -> None:
    types = listed(server, "SELECT DISTINCT type FROM system.settings WHERE NOT is_obsolete")
    assert types == (TEXTS | FIXED | REFUSED_TYPES) & types
    texts = listed(
        server, "SELECT name FROM system.settings WHERE type IN ('String', 'Map', 'URI') AND NOT is_obsolete"
    )
    assert texts == ALLOWED_TEXTS | REFUSED_TEXTS | SCHEMA
    assert not ALLOWED_TEXTS & REFUSED_TEXTS
    assert listed(server, "SELECT name FROM system.settings") >= REFUSED
    of_tables = listed(server, "SELECT name FROM system.merge_tree_settings WHERE type = 'String'")
    assert of_tables - TABLE_TEXTS - TABLE_REFUSED == {
        "cache_populated_by_fetch_filename_regexp",
        "merge_workload",
        "mutation_workload",
        "remote_fs_zero_copy_zookeeper_path",
    }


def test_the_engine_holds_closed_settings_fixed_too(server: EmbeddedClickHouse) -> None:
    for user in ("default", "readonly"):
        reply = ask(server, "SELECT name FROM system.settings WHERE readonly", user=user)
        assert CLOSED - set(reply.text.split()) == {"database", "default_format"}


def test_allowed_names_are_the_engines_own(server: EmbeddedClickHouse) -> None:
    assert listed(server, "SELECT name FROM system.table_engines") >= NAMES["engines"]
    assert listed(server, "SELECT name FROM system.database_engines") >= NAMES["database_engines"]
    assert listed(server, "SELECT name FROM system.table_functions") >= NAMES["table_functions"]


def test_every_format_codec_and_index_is_judged(server: EmbeddedClickHouse) -> None:
    assert listed(server, "SELECT name FROM system.formats") == NAMES["formats"] | names.REFUSED_FORMATS.keys()
    assert not NAMES["formats"] & names.REFUSED_FORMATS.keys()
    spelt_only = {"CODEC", "Default"}  # words of the syntax, which the engine lists nowhere
    refused = {"AES_128_GCM_SIV", "AES_256_GCM_SIV", "Multiple", "Quantized"}  # need keys, or are the engine's own
    assert listed(server, "SELECT name FROM system.codecs") == (NAMES["codecs"] - spelt_only) | refused
    assert listed(server, "SELECT name FROM system.data_skipping_index_types") == NAMES["indices"]
    assert listed(server, "SELECT name FROM system.tokenizers") >= NAMES["tokenizers"]


def test_a_format_that_nobody_has_judged_is_refused() -> None:
    known = {"csv": "CSV", "newer": "Newer", "dwarf": "DWARF"}  # as an engine lists them that has gained one
    assert _format("csv", known) == "CSV"
    for name, reason in (("newer", "is not among those"), ("DWARF", "reads executables")):
        with pytest.raises(ClickHouseError, match=reason) as refused:
            _format(name, known)
        assert refused.value.code == DENIED


def test_every_privilege_has_a_statement_or_is_only_a_group(server: EmbeddedClickHouse) -> None:
    """One of the engine's own grammar, which takes what it does not know, like `SYSTEM x`, for a SELECT."""
    known = ask(server, Lists.QUERIES["privileges"], default_format="JSONCompactEachRow").text
    privileges = dict(json.loads(line) for line in known.splitlines())
    groups = (
        "SELECT privilege FROM system.privileges"
        " WHERE level IS NULL OR privilege IN (SELECT parent_group FROM system.privileges)"
    )
    assert set(ask(server, groups).text.splitlines()) >= set(GROUPS)
    literals = {"path": "'/x'", "url": "'http://127.0.0.1/'", "address": "'127.0.0.1:1'"}
    spelt = {name: statements(name, aliases, literals) for name, aliases in privileges.items()}
    every = [sql for some in spelt.values() for sql in some]
    sql = f"SELECT formatQuerySingleLineOrNull(arrayJoin([{','.join(map(literal, every))}]))"
    reply = ask(server, sql, default_format="JSONCompactEachRow")
    understood = [json.loads(line)[0] for line in reply.text.splitlines()]
    own = {sql for sql, text in zip(every, understood, strict=True) if text and text.split()[0] == sql.split()[0]}
    assert {name for name, some in spelt.items() if not own.intersection(some)} == {*GROUPS, *WITHOUT_STATEMENT}
