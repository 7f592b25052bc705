"""Which SQL a machine may ask: one SELECT from this database's own tables, without settings.

ClickHouse's own user is what keeps a query from changing anything. This keeps a model that was talked into it, by a text in some
chat, from sending what it reads elsewhere, also where that user may do more than it should. What is read here is what ClickHouse
itself has written anew (`formatQuery`): it has no comments, and one form of quotes.
"""

import re
from itertools import pairwise

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

from web.errors import ProblemError

TABLE_FUNCTIONS = frozenset({"numbers", "numbers_mt", "zeros", "generate_series", "generateseries", "values", "null"})
# read files, dictionaries, other tables by a name in a text or the server's configuration, call other servers, or wait
REFUSED_FUNCTIONS = re.compile(
    r"ai[A-Z]\w*|(?i:dictget\w*|dicthas|dictisin|joinget\w*|file|naivebayes\w*|region\w*|hascolumnintable|catboost\w*|getmacro"
    r"|getserver\w*|showcertificate|getclienthttpheader|filesystem\w*|zookeeper\w*|generateserialid|sleep\w*|logtrace)"
)


def check_statement(statement: str, database: str) -> None:
    """Raise ProblemError for what may not be asked. `statement` comes from `formatQuery`, `database` is the user's own."""
    try:
        tree = sqlglot.parse_one(statement, dialect="clickhouse")
        tokens = sqlglot.tokenize(statement, dialect="clickhouse")
    except (SqlglotError, RecursionError):
        raise _refused("this form of statement is not known here; write it in a simpler way") from None
    if not isinstance(tree, exp.Query):
        raise _refused("only a SELECT may be asked")
    for node in tree.walk():
        if isinstance(node, exp.Query) and (node.args.get("settings") or node.args.get("format")):
            raise _refused("SETTINGS and FORMAT are not taken")
        if isinstance(node, exp.Table):
            _check_table(node, database)
        if isinstance(node, exp.In):  # a name behind IN is a table
            behind = [one for one in (node.args.get("field"), *node.expressions) if one is not None]
            if len(behind) == 1 and isinstance(behind[0], exp.Column) and behind[0].table:
                raise _refused("write `IN (SELECT column FROM table)`, not the table's name alone")
    for token, following in pairwise(tokens):
        if following.token_type is TokenType.L_PAREN and REFUSED_FUNCTIONS.fullmatch(token.text):
            raise _refused(f"the function {token.text} is not for queries here")


def _check_table(table: exp.Table, database: str) -> None:
    if not isinstance(table.this, exp.Identifier):
        name = table.this.name if isinstance(table.this, exp.Anonymous) else table.this.sql_name()
        if name.lower() not in TABLE_FUNCTIONS:
            raise _refused(f"the table function {name} is not for queries here")
    elif table.catalog or table.db not in ("", database):
        raise _refused(f"only the tables of the database {database} may be read; name them without a database")


def _refused(reason: str) -> ProblemError:
    return ProblemError(400, f"Not asked: {reason}.", kind="bad-query")
