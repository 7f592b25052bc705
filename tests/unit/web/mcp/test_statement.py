"""Which SQL a machine may ask. The statements are as ClickHouse's formatQuery writes them."""

import pytest

from web.errors import ProblemError
from web.mcp.statement import check_statement

ASKED = (
    "SELECT count() FROM events FINAL WHERE type = 'user_message'",
    "SELECT count() FROM chattrail.events",
    "WITH x AS (SELECT user_id, count() AS n FROM events GROUP BY user_id) SELECT quantile(0.95)(n) FROM x",
    "SELECT toStartOfHour(ts) AS h, uniq(user_id) FROM events WHERE ts > (now() - toIntervalDay(7)) GROUP BY h ORDER BY h ASC",
    "SELECT arrayMap(x -> (x + 1), [1, 2]), attributes['k'] FROM events ARRAY JOIN [1] AS z LIMIT 10",
    "SELECT number FROM numbers(10) UNION ALL SELECT 1",
    "SELECT user_id FROM people WHERE user_id IN (SELECT user_id FROM events) AND language_code IN ('en', 'ru')",
    "SELECT 'FROM url(\\'http://x\\') SETTINGS a = 1'",
    "SELECT * EXCEPT attributes FROM events AS e INNER JOIN people AS p USING (user_id)",
    "SELECT e.file, e.region FROM events AS e",
)
REFUSED = {
    "DROP TABLE events": "only a SELECT",
    "INSERT INTO events SELECT * FROM events": "only a SELECT",
    "SHOW TABLES": "only a SELECT",
    "SET max_threads = 1": "only a SELECT",
    "SELECT 1 SETTINGS max_memory_usage = 0": "SETTINGS",
    "SELECT 1 FORMAT JSON": "FORMAT",
    "SELECT * FROM (SELECT 1 SETTINGS max_threads = 9)": "SETTINGS",
    "SELECT count() FROM system.tables": "only the tables of the database chattrail",
    "SELECT 1 FROM events, other.events": "only the tables of the database chattrail",
    "SELECT 1 FROM events UNION ALL SELECT 1 FROM `other`.events": "only the tables of the database chattrail",
    "SELECT (SELECT count() FROM other.t)": "only the tables of the database chattrail",
    "SELECT 1 IN (system.one)": "IN (SELECT",
    "SELECT 1 IN system.one": "IN (SELECT",
    "SELECT * FROM url('http://127.0.0.1/', 'CSV', 'a String')": "table function url",
    "SELECT * FROM events WHERE id IN (SELECT * FROM file('/etc/passwd', 'LineAsString'))": "table function file",
    "SELECT * FROM s3('http://127.0.0.1/b', 'CSV')": "table function s3",
    "SELECT * FROM remote('127.0.0.1', other.t)": "table function remote",
    "SELECT * FROM merge('other', '.*')": "table function merge",
    "SELECT * FROM mysql('127.0.0.1:3306', 'd', 't', 'u', 'p')": "table function mysql",
    "SELECT * FROM cluster('default', system.one)": "table function cluster",
    "SELECT * FROM executable('x', 'CSV', 'a String')": "table function executable",
    "SELECT joinGet('other.t', 'v', 1)": "function joinGet",
    "SELECT dictGet('other.d', 'v', 1)": "function dictGet",
    "SELECT file('secret')": "function file",
    "SELECT `file`('secret')": "function file",
    "SELECT aiGenerate('c', 'text')": "function aiGenerate",
    "SELECT hasColumnInTable('other', 't', 'c')": "function hasColumnInTable",
    "SELECT sleepEachRow(3) FROM events": "function sleepEachRow",
}


@pytest.mark.parametrize("statement", ASKED)
def test_what_reads_the_tables_is_asked(statement: str) -> None:
    check_statement(statement, "chattrail")


@pytest.mark.parametrize("statement", REFUSED)
def test_what_reaches_out_is_not(statement: str) -> None:
    with pytest.raises(ProblemError) as caught:
        check_statement(statement, "chattrail")
    assert REFUSED[statement] in caught.value.detail
    assert (caught.value.status, caught.value.kind) == (400, "bad-query")
