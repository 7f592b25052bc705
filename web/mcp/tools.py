"""The tools: each operation of the JSON API that reads, the tables there are, and SQL."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from mcp.types import CallToolResult, TextContent, Tool, ToolAnnotations

from common.error_location import error_location
from web.analytics.person_key import key_of
from web.api.output import jsonable
from web.context import services
from web.errors import ParameterError, ProblemError
from web.mcp.sql import BYTES_MAX, ROWS_MAX, Sql
from web.openapi.document import PATH_PARAMETERS
from web.openapi.operation import Operation, operations

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
QUERY = (
    "One SELECT in ClickHouse's SQL over the tables that `tables` lists, without SETTINGS and FORMAT. At most"
    f" {ROWS_MAX:,} rows and {BYTES_MAX // 1024} KiB come back, and `truncated` says that there were more. A table may hold a row"
    " several times: put FINAL behind its name."
)
log = logging.getLogger("web.mcp")


@dataclass(frozen=True)
class _Described:
    tool: Tool
    call: Callable[[Mapping[str, Any]], Any]


class Tools:
    """What can be called, over one web app. Calls may run in any thread."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        every = [
            _of_operation(operation, sorted(rule.arguments))
            for rule, operation in operations(app)
            if "GET" in (rule.methods or ()) and operation.media_type == "application/json"
        ]
        every.append(
            _described("tables", "The tables and views that `query` may read, with their columns.", {}, _tables)
        )
        every.append(_described("query", QUERY, {"sql": {"type": "string", "description": "The SELECT."}}, _query))
        self._tools = {one.tool.name: one for one in every}

    def all(self) -> list[Tool]:
        """What there is."""
        return [one.tool for one in self._tools.values()]

    def call(self, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """Call one. What goes wrong is said in the result, where the model reads it; the log never has arguments or answers."""
        found = self._tools.get(name)
        if found is None:
            return _failed(f"There is no tool {name[:50]}; there are {', '.join(self._tools)}.")
        try:
            with self._app.app_context():
                answer = jsonable(found.call(arguments))
        except ProblemError as error:
            log.info("%s %s", name, error.kind)
            return _failed(error.detail)
        except Exception as error:
            log.error("%s failed: %s at %s", name, type(error).__qualname__, error_location(error))
            return _failed("A fault of ours; the log of the server says where.")
        log.info("%s answered", name)
        text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        return CallToolResult(content=[TextContent(text=text)], structured_content=answer)


def _of_operation(operation: Operation, path: list[str]) -> _Described:
    properties = {name: {"type": "string", "description": PATH_PARAMETERS[name]} for name in path}
    properties |= {one.name: {**one.schema, "description": one.description} for one in operation.parameters}

    def call(arguments: Mapping[str, Any]) -> Any:
        texts = {name: _text(name, value) for name, value in arguments.items() if value is not None}
        missing = [name for name in path if not texts.get(name)]
        if missing:
            raise ParameterError(missing[0], "is needed")
        keys = {name: key_of(texts.pop(name)) for name in path}
        return operation.ask(operation.read((name, [text]) for name, text in texts.items()), **keys)

    return _described(operation.name, operation.description, properties, call, path)


def _described(
    name: str,
    description: str,
    properties: Mapping[str, Any],
    call: Callable[[Mapping[str, Any]], Any],
    required: list[str] | None = None,
) -> _Described:
    schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    needed = list(properties) if required is None else required
    tool = Tool(name=name, description=description, input_schema={**schema, "required": needed}, annotations=READS)
    return _Described(tool, call)


def _tables(arguments: Mapping[str, Any]) -> Any:
    if arguments:
        raise ParameterError(next(iter(arguments))[:50], "is not known here; known are none")
    return Sql(services.clickhouse).tables()


def _query(arguments: Mapping[str, Any]) -> Any:
    statement = arguments.get("sql")
    if not isinstance(statement, str) or not statement.strip() or len(arguments) > 1:
        raise ParameterError("sql", "is needed, a text, and nothing else")
    return Sql(services.clickhouse).query(statement)


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (str, int)):
        return str(value)
    raise ParameterError(name[:50], "must be a text or a whole number")


def _failed(words: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=words)], is_error=True)
