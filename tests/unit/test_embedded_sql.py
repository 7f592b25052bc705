"""Where a statement ends and its data begin, and what is refused before the engine sees it."""

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
    assert statement.text == "INSERT INTO db.`t;x` (a, `format`)"
    assert statement.settings == "SETTINGS async_insert = 0"


@pytest.mark.parametrize(
    ("sql", "data"),
    [
        (b"INSERT INTO t FORMAT TSV\r\n\n1", b"\n1"),
        (b"INSERT INTO t FORMAT TSV ;\n1", b"1"),
        (b'INSERT INTO t FORMAT JSONEachRow {"a":1}', b'{"a":1}'),
        (b"insert into t values(1)", b"(1)"),
        (b"/* FORMAT x */ INSERT -- VALUES\n INTO TABLE t VALUES (1)", b" (1)"),
        (b"INSERT INTO `values` VALUES (1)", b" (1)"),
        (b"INSERT INTO FUNCTION null('a Int8, format String') FORMAT CSV\n1", b"1"),
        (b"INSERT INTO t (* EXCEPT(values)) VALUES (1)", b" (1)"),
    ],
)
def test_inserts_take_data(sql: bytes, data: bytes) -> None:
    statement = parse(sql)
    assert statement.takes_data
    assert sql[statement.data_offset :] == data


@pytest.mark.parametrize(
    ("sql", "kind", "output"),
    [
        (b"SELECT 1", "SELECT", None),
        (b"select 'FORMAT x' format JSON", "SELECT", "JSON"),
        (b"SELECT format FROM t FORMAT CSV SETTINGS max_threads = 1;", "SELECT", "CSV"),
        (b"SELECT 1 SETTINGS max_threads = 1 FORMAT CSV ; ;", "SELECT", "CSV"),
        (b"SELECT format('{}', 'FORMAT')", "SELECT", None),
        (b"((SELECT 1))", "(", None),
        (b"WITH 1 AS x SELECT x", "WITH", None),
        (b"WITH 1 AS x INSERT INTO t SELECT x", "INSERT", None),
        (b"INSERT INTO t SELECT 1", "INSERT", None),
        (b"INSERT INTO t WITH 1 AS x SELECT x", "INSERT", None),
        (b"-- hi\n#!x\n/* a */ DROP TABLE t", "DROP", None),
        (b"SELECT $heredoc$ ; FORMAT x $heredoc$", "SELECT", None),
        (b"SELECT 'it''s', 'a\\';b'", "SELECT", None),
    ],
)
def test_kind_and_format(sql: bytes, kind: str, output: str | None) -> None:
    statement = parse(sql)
    assert (statement.kind, statement.output_format) == (kind, output)
    assert not statement.takes_data
    assert not statement.text.endswith(";")
    if statement.format_at is not None:
        assert statement.text[statement.format_at :].upper().startswith("FORMAT ")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (b"", 62),
        (b" ; ", 62),
        (b"-- nothing", 62),
        (b"SELECT 1; SELECT 2", 62),
        (b"SELECT ';' ; DROP TABLE t", 62),
        (b"SELECT \xff", 62),
        (b"SELECT 1 INTO\n/**/OUTFILE 'x'", 497),
        (b"INSERT INTO t FROM INFILE 'x' FORMAT CSV", 497),
        (b"SELECT FiLe ('x')", 497),
        (b"SELECT `file`('x')", 497),
        (b"SELECT * APPLY(file)", 497),
        (b"INSERT INTO FUNCTION file('x') VALUES (1)", 497),
        (b"SELECT $a b$ ' $a b$, file('x'), $a b$ ' $a b$", 497),
        ("SELECT ‘'’, file('x'), ‘'’".encode(), 497),
        ("SELECT “'”, file('x'), “'”".encode(), 497),
    ],
)
def test_refusals(sql: bytes, code: int) -> None:
    with pytest.raises(ClickHouseError) as refused:
        parse(sql)
    assert refused.value.code == code


@given(st.text())
def test_a_literal_is_one_token(text: str) -> None:
    for quoted, kind in ((literal(text), "string"), (identifier(text), "quoted")):
        assert [token.kind for token in tokens(quoted.encode("utf-8", "surrogatepass"))] == [kind]


@given(st.binary(max_size=300))
@example(b"INSERT INTO \xff FORMAT TSV\n1")
@example(b"INSERT INTO t SETTINGS a='\xff' VALUES (1)")
def test_any_bytes_are_parsed_or_refused_in_clickhouses_words(sql: bytes) -> None:
    said = ""
    try:
        parse(sql)
    except ClickHouseError as error:
        said = error.text
    assert not said or said.startswith("Code: ")
