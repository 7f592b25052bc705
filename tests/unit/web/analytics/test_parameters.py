"""Parameters, cursors and named queries: what is refused, and by which name."""

import re

import pytest

from web.analytics.clickhouse import sql as named
from web.analytics.cursor import Cursors
from web.analytics.queries import TrailQuery, UsersQuery, read_steps
from web.errors import ParameterError

SECRET = "k3y-of-the-tests-0123456789abcdefghij"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sort", "password"),
        ("sort", "name; DROP TABLE events"),
        ("order", "sideways"),
        ("paid", "yes"),
        ("blocked", "2"),
        ("language", "en' OR 1=1 --"),
        ("language", "x" * 36),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "-1"),
        ("limit", "1e2"),
        ("limit", "٣"),
        ("limit", "9" * 5000),
        ("q", "x" * 101),
        ("q", "a\x00b"),
        ("event", "x" * 101),
        ("event", "a\nb"),
    ],
)
def test_a_bad_parameter_of_users_is_named(name: str, value: str) -> None:
    with pytest.raises(ParameterError) as caught:
        UsersQuery.read({name: value})
    assert caught.value.parameter == name


def test_defaults_and_what_counts_as_absent() -> None:
    assert (
        UsersQuery.read({"sort": "", "q": " ", "paid": "", "language": "", "limit": "", "cursor": ""}) == UsersQuery()
    )
    assert UsersQuery.read({"sort": "name"}).order == "asc"
    assert TrailQuery.read({}) == TrailQuery(order="desc", limit=50, cursor=None)


@pytest.mark.parametrize(
    "steps", ["finish", "event:", "start,start", ",".join(f"event:{n}" for n in range(9)), "event:\x00"]
)
def test_bad_steps_of_a_funnel_are_refused(steps: str) -> None:
    with pytest.raises(ParameterError, match="Parameter steps: "):
        read_steps({"steps": steps})


def test_steps_of_a_funnel() -> None:
    assert read_steps({"steps": " start, event:quiz_finished,paid,"}) == ("start", "event:quiz_finished", "paid")
    assert read_steps({"steps": ""}) == read_steps({}) == ()


def test_a_cursor_comes_back_only_for_the_same_list() -> None:
    cursors = Cursors(SECRET, "users")
    sealed = cursors.seal(("name", "asc"), ("Аня \\ '\n", "42"))
    assert re.fullmatch(r"[A-Za-z0-9._-]+", sealed)
    assert cursors.open(("name", "asc"), sealed, (str, str)) == ["Аня \\ '\n", "42"]
    forged = ("A" if sealed[0] != "A" else "B") + sealed[1:]
    for other, binding, text in [
        (cursors, ("name", "desc"), sealed),
        (Cursors(SECRET, "events"), ("name", "asc"), sealed),
        (Cursors(SECRET[::-1], "users"), ("name", "asc"), sealed),
        (cursors, ("name", "asc"), forged),
        (cursors, ("name", "asc"), sealed[:-1]),
        (cursors, ("name", "asc"), "' OR 1=1 --"),
        (cursors, ("name", "asc"), "\udcff.x"),
        (cursors, ("name", "asc"), "." * 3000),
    ]:
        with pytest.raises(ParameterError, match="cursor"):
            other.open(binding, text, (str, str))


def test_every_query_has_a_name_a_comment_and_no_placeholder_of_the_driver() -> None:
    text = "".join(path.read_text() for path in named.FOLDER.glob("*.sql"))
    names = re.findall(r"^-- name: (\w+)$", text, re.MULTILINE)
    assert sorted(names) == sorted(named._queries())
    assert len(re.findall(r"^-- name: \w+\n-- [A-Z]", text, re.MULTILINE)) == len(names)
    assert "%(" not in text


def test_a_missing_piece_is_an_error_not_an_empty_place() -> None:
    with pytest.raises(KeyError):
        named.sql("page")
