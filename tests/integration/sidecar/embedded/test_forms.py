"""Forms that are broken, and data that is no UTF-8: an error that says so with ClickHouse's number, never 1002."""

import pytest

from tests.support.embedded import EmbeddedClickHouse, Reply, ask

BAD_ARGUMENTS, CANNOT_PARSE_INPUT, UNKNOWN_EXCEPTION = 36, 27, 1002
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT count() FROM t\r\n'
    b'--x\r\nContent-Disposition: form-data; name="t"; filename="t"\r\nContent-Type: text/plain\r\n'
    b"Content-Length: 4\r\nContent-Transfer-Encoding: binary\r\n\r\n1\n2\n\r\n--x--\r\n"
)


def sent(server: EmbeddedClickHouse, form: bytes, content_type: str = "multipart/form-data; boundary=x") -> Reply:
    return ask(server, form, headers={"Content-Type": content_type}, t_structure="a UInt8")


@pytest.mark.parametrize("parameters", ["", "; boundary=", "; boundary=y", f"; boundary={'b' * 71}", "; charset=x"])
def test_a_form_whose_boundary_is_none_is_refused_in_words(clickhouse: EmbeddedClickHouse, parameters: str) -> None:
    reply = sent(clickhouse, FORM, f"multipart/form-data{parameters}")
    assert (reply.status, reply.code) == (400, BAD_ARGUMENTS)
    assert "The body is no form that can be read" in reply.text


def test_a_form_that_is_broken_anywhere_is_refused_with_a_number(clickhouse: EmbeddedClickHouse) -> None:
    assert sent(clickhouse, FORM).text == "2\n"
    for at in range(0, len(FORM), 5):
        for broken in (FORM[:at], FORM[:at] + FORM[at + 1 :], FORM[:at] + b"\xff" + FORM[at + 1 :]):
            reply = sent(clickhouse, broken)
            assert reply.status < 500, (broken, reply.text)
            assert reply.code != UNKNOWN_EXCEPTION, (broken, reply.text)
    assert sent(clickhouse, FORM).text == "2\n"


def test_an_error_that_quotes_what_is_no_utf8_has_its_number(clickhouse: EmbeddedClickHouse) -> None:
    reply = sent(clickhouse, FORM.replace(b"2\n", b"\xff\n"))
    assert (reply.status, reply.code) == (400, CANNOT_PARSE_INPUT)
    assert "\ufffd" in reply.text
