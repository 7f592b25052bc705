"""Where an INSERT's words end and its data begin, and how names and values are quoted."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.embedded.errors import ClickHouseError
from sidecar.embedded.sql import identifier, literal, parse, tokens


@given(data=st.binary(max_size=200))
@example(data=b"\n\x0a")
@example(data=b"; DROP TABLE t")
@example(data=b"FORMAT CSV\n'")
def test_data_begin_right_after_one_newline(data: bytes) -> None:
    head = b"INSERT INTO db.`t;x` (a, `format`) SETTINGS async_insert = 0 FORMAT ProtobufSingle\n"
    statement = parse(head + data)
    assert (head + data)[statement.data_offset :] == data
    assert statement.input_format == "ProtobufSingle"
    assert statement.text == head.decode().strip()


@pytest.mark.parametrize(
    ("sql", "text", "data"),
    [
        (b"INSERT INTO t FORMAT TSV\r\n\n1", "INSERT INTO t FORMAT TSV", b"\n1"),
        (b"INSERT INTO t FORMAT TSV ;\n1", "INSERT INTO t FORMAT TSV", b"1"),
        (b'INSERT INTO t FORMAT JSONEachRow {"a":1}', "INSERT INTO t FORMAT JSONEachRow", b'{"a":1}'),
        (b"insert into t values(1)", "insert into t values", b"(1)"),
        (b"/* FORMAT x */ INSERT -- VALUES\n INTO t VALUES (1)", "INSERT -- VALUES\n INTO t VALUES", b" (1)"),
        (b"INSERT INTO `values` VALUES (1)", "INSERT INTO `values` VALUES", b" (1)"),
        (b"INSERT INTO t (* EXCEPT(values)) VALUES (1)", "INSERT INTO t (* EXCEPT(values)) VALUES", b" (1)"),
        (b"INSERT INTO t SETTINGS a = 'FORMAT x' VALUES (1)", "INSERT INTO t SETTINGS a = 'FORMAT x' VALUES", b" (1)"),
    ],
)
def test_inserts_take_data(sql: bytes, text: str, data: bytes) -> None:
    statement = parse(sql)
    assert statement.takes_data
    assert (statement.text, sql[statement.data_offset :]) == (text, data)
    assert statement.is_values == (text[-6:].upper() == "VALUES")


@pytest.mark.parametrize(
    "sql",
    [
        b"SELECT 1 FORMAT CSV",
        b"INSERT INTO t SELECT 1 FORMAT Null",
        b"INSERT INTO t WITH 1 AS x SELECT x",
        b"WITH 1 AS x INSERT INTO t SELECT x",
        b"SELECT 1; INSERT INTO t VALUES (1)",
        b"DROP TABLE values",
    ],
)
def test_other_statements_stay_whole(sql: bytes) -> None:
    statement = parse(sql)
    assert not statement.takes_data
    assert statement.text == sql.decode()


@pytest.mark.parametrize("sql", [b"", b" ; ", b"-- nothing", b"SELECT \xff", b"INSERT INTO \xff VALUES (1)"])
def test_nothing_and_what_is_no_text_are_syntax_errors(sql: bytes) -> None:
    with pytest.raises(ClickHouseError) as refused:
        parse(sql)
    assert refused.value.code == 62


@given(st.text())
def test_a_literal_is_one_token(text: str) -> None:
    for quoted, kind in ((literal(text), "string"), (identifier(text), "quoted")):
        assert [token.kind for token in tokens(quoted.encode("utf-8", "surrogatepass"))] == [kind]


@given(st.binary(max_size=300))
@example(b"INSERT INTO \xff FORMAT TSV\n1")
@example(b"INSERT INTO t SETTINGS a='\xff' VALUES (1)")
def test_any_bytes_are_parsed_or_refused_in_clickhouses_words(sql: bytes) -> None:
    try:
        parse(sql)
    except ClickHouseError as error:
        assert error.text.startswith("Code: ")  # noqa: PT017


@pytest.mark.parametrize(
    "begun", [b"'\\", b"'\\'", b"`a\\", b'"a\\', b"/*a", b"\xe2\x80\x98a", b"\xe2\x80\x9ca", b"$1$a$2", b"$1$2$3"]
)
def test_what_has_no_end_takes_all_the_rest(begun: bytes) -> None:
    """It is looked for once: 60 kB of such beginnings took the loop half a minute."""
    found = list(tokens(b"INSERT " + begun + b" VALUES (1)" * 3))
    assert [token.word for token in found if token.kind == "word"] == ["INSERT"]
    assert len(found) <= 2
