"""Calls made from the engine's own lists: each name with arguments of few kinds, among them the paths of canary files."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.support.sweep.privileges import statements

USERS = ("readonly", "default")
TEXT_CALLS = 12  # of a setting that takes a text


@dataclass(frozen=True, slots=True)
class Call:
    """One request: which list and name it tries, its words, and what else it says."""

    list: str
    name: str
    sql: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    form: bool = False  # sent as a form with an external table


@dataclass(frozen=True, slots=True)
class Targets:
    """What a call may try to reach: a file outside the data folder, one inside, one in the working directory, an address."""

    outside: str
    inside: str
    relative: str
    url: str
    address: str


def quoted(text: str) -> str:
    """A SQL literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def name_of(text: str) -> str:
    """A quoted SQL name."""
    return "`" + text.replace("`", "\\`") + "`"


def of_function(name: str, to: Targets) -> Iterator[Call]:
    """A function or an aggregate, called in several ways."""
    called = name_of(name)
    out, inside, relative = quoted(to.outside), quoted(to.inside), quoted(to.relative)
    declared = quoted(f"a String DEFAULT file({relative})")
    for arguments in (
        out,
        f"{inside}, {declared}",
        relative,
        declared,
        f"{relative}, 'LineAsString', {declared}",
        f"{quoted(to.address)}, 'default', '', 'system', 'one', 'dummy'",
    ):
        yield Call("functions", name, f"SELECT {called}({arguments})")
    yield Call("functions", name, f"SELECT * APPLY {called} FROM (SELECT {out})")
    yield Call("functions", name, f"INSERT INTO FUNCTION null('a String') VALUES ({called}({out}))")


def of_table_function(name: str, to: Targets) -> Iterator[Call]:
    """A table function, read from, described and written to."""
    called = name_of(name)
    out, inside, relative = quoted(to.outside), quoted(to.inside), quoted(to.relative)
    declared = quoted(f"a String DEFAULT file({relative})")
    for arguments in (
        "",
        out,
        f"{inside}, 'LineAsString'",
        f"{relative}, 'LineAsString', 'a String'",
        f"{quoted(to.url)}, 'LineAsString', 'a String'",
        f"{quoted(to.address)}, 'system', 'one'",
        f"{quoted(to.address)}, 'system', 'one', 'default', ''",
        f"{quoted(to.url)}, 'key', 'secret', 'LineAsString', 'a String'",
        f"'cat', 'LineAsString', 'a String', {out}",
        declared,
        f"{declared}, 1",
        f"'LineAsString', {declared}, 'x'",
        f"{out}, {out}",
        "10",
    ):
        yield Call("table_functions", name, f"SELECT * FROM {called}({arguments}) LIMIT 3")
    yield Call("table_functions", name, f"DESCRIBE TABLE {called}({out}, 'LineAsString')")
    yield Call("table_functions", name, f"INSERT INTO FUNCTION {called}({out}, 'TSV', 'a String') VALUES ('x')")
    yield Call("table_functions", name, f"INSERT INTO FUNCTION {called}({out}, 'TSV', 'a String') SELECT 'x'")
    yield Call("table_functions", name, f"CREATE TABLE swept AS {called}({out}, 'LineAsString')")


def of_format(name: str, to: Targets) -> Iterator[Call]:
    """A format, named in each of the ways that a client has."""
    one = f"SELECT {quoted(to.outside)} AS a"
    yield Call("formats", name, f"{one} FORMAT {name}")
    yield Call("formats", name, one, query={"default_format": name})
    yield Call("formats", name, one, headers={"X-ClickHouse-Format": name})
    yield Call("formats", name, f"SELECT * FROM format({name}, 'a String', {quoted(to.outside)})")
    yield Call("formats", name, f"SELECT formatRow({quoted(name)}, {quoted(to.inside)})")
    yield Call("formats", name, f"INSERT INTO FUNCTION null('a String') FORMAT {name}\n{to.outside}")
    yield Call("formats", name, f"SHOW TABLES FORMAT {name}")
    external = {"t_structure": "a String", "t_format": name}
    yield Call("formats", name, "SELECT * FROM t", query=external, form=True)


def of_setting(name: str, value: str, to: Targets) -> Iterator[Call]:
    """A setting, with a path (texts) or the value that it has (all others)."""
    if value:
        yield Call("settings", name, "SELECT 1 AS a", query={name: value})
        yield Call("settings", name, f"SELECT 1 AS a SETTINGS {name_of(name)} = {quoted(value)}")
        return
    for given in (to.outside, to.relative):
        for form in ("TSV", "Template", "Protobuf"):
            yield Call("settings", name, f"SELECT 1 AS a SETTINGS {name_of(name)} = {quoted(given)} FORMAT {form}")
        yield Call("settings", name, "SELECT 1 AS a", query={name: given})
        yield Call(
            "settings", name, f"INSERT INTO FUNCTION null('a String') SETTINGS {name} = {quoted(given)} FORMAT CSV\nx"
        )
        yield Call("settings", name, f"SET {name} = {quoted(given)}")


def of_privilege(name: str, aliases: list[str], to: Targets) -> Iterator[Call]:
    """A privilege: granting it, and a statement that needs it (none where it is only a group)."""
    yield Call("privileges", name, f"GRANT {name} ON *.* TO default")
    literals = {"path": quoted(to.outside), "url": quoted(to.url), "address": quoted(to.address)}
    for sql in statements(name, aliases, literals):
        yield Call("privileges", name, sql)


def all_calls(lists: "Lists", to: Targets) -> dict[tuple[str, str], list[Call]]:
    """Every list and name of the engine, with its calls."""
    calls = {("functions", name): list(of_function(name, to)) for name in lists.functions}
    calls |= {("table_functions", name): list(of_table_function(name, to)) for name in lists.table_functions}
    calls |= {("formats", name): list(of_format(name, to)) for name in lists.formats}
    calls |= {("settings", name): list(of_setting(name, value, to)) for name, value in lists.settings.items()}
    calls |= {("privileges", name): list(of_privilege(name, aliases, to)) for name, aliases in lists.privileges.items()}
    return calls


@dataclass(frozen=True, slots=True)
class Lists:
    """What the engine lists."""

    functions: list[str]
    table_functions: list[str]
    formats: list[str]
    settings: dict[str, str]  # the value to try; '' for texts, which are tried with paths
    privileges: dict[str, list[str]]

    QUERIES = {  # noqa: RUF012 - names of the fields and what fills them
        "functions": "SELECT name FROM system.functions ORDER BY name",
        "table_functions": "SELECT name FROM system.table_functions ORDER BY name",
        "formats": "SELECT name FROM system.formats ORDER BY name",
        "settings": "SELECT name, if(type IN ('String', 'Map', 'URI'), '', default) FROM system.settings ORDER BY name",
        "privileges": "SELECT privilege, aliases FROM system.privileges ORDER BY privilege",
    }

    @classmethod
    def parse(cls, answers: dict[str, str]) -> "Lists":
        """From answers to QUERIES in JSONCompactEachRow."""
        rows = {name: [json.loads(line) for line in text.splitlines()] for name, text in answers.items()}
        return cls(
            functions=[name for (name,) in rows["functions"]],
            table_functions=[name for (name,) in rows["table_functions"]],
            formats=[name for (name,) in rows["formats"]],
            settings=dict(rows["settings"]),
            privileges=dict(rows["privileges"]),
        )
