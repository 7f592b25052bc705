"""The OpenAPI 3.1 document, made of the routes of the app, their parameters and the dataclasses that they answer with."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Flask
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from werkzeug.routing import Rule

from web.openapi.operation import Operation, operations
from web.problem import ProblemBody

VERSION = "1"  # of the API: changes that may break a client get another one
REFERENCE = "#/components/schemas/"
# fields whose name in the API is a keyword of Python, or is older than the field
RENAMED = {"start": "from", "end": "to", "loss_accounting": "delivery", "image_stats": "archive"}
PROBLEM = "application/problem+json"
PROBLEMS = {  # status: when
    400: "A parameter, a header or the body cannot be used.",
    401: "No token and no login, or a wrong token.",
    404: "No event of this person is stored.",
    413: "The body is over 64 KiB.",
    500: "A fault of ours; the log has the request id.",
    503: "ClickHouse or the sign-in database cannot be used now, or all threads are taken.",
}
PATH_PARAMETERS = {"client_id": "Telegram's user id, or the hash of it if the bot hides ids"}

Json = dict[str, Any]


class _Schemas(GenerateJsonSchema):
    """JSON Schema without titles, which would repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def document(app: Flask) -> Json:
    """The document of an app."""
    every = list(operations(app))
    answers: dict[str, type] = {operation.name: operation.answer for _, operation in every}
    keys, schemas = schemas_of({**answers, "problem": ProblemBody})
    paths: dict[str, Json] = {}
    for rule, operation in every:
        (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        access = getattr(app.view_functions[rule.endpoint], "access", "login")
        is_conditional = getattr(app.view_functions[rule.endpoint], "is_conditional", False)
        paths.setdefault(path_of(rule), {})[method.lower()] = {
            "operationId": operation.name,
            "summary": operation.summary,
            "description": operation.description,
            "security": [{"token": []}] if access == "bearer" else [{"token": []}, {"login": []}],
            "parameters": _parameters(rule, operation),
            **(
                {"requestBody": {"content": {"application/json": {"schema": operation.body}}}} if operation.body else {}
            ),
            "responses": _responses(rule, operation, keys, is_conditional),
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Chattrail", "version": VERSION, "description": "Figures, people and trails of chat bots."},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "From `python -m web token`."},
                "login": {"type": "apiKey", "in": "cookie", "name": app.config["SESSION_COOKIE_NAME"]},
            },
        },
    }


def schemas_of(types: Mapping[str, type]) -> tuple[dict[str, Json], dict[str, Json]]:
    """References to the schemas of these types, by the names given here, and all schemas by their own names."""
    inputs: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]]
    inputs = [(name, "serialization", TypeAdapter(kind)) for name, kind in types.items()]
    found, definitions = TypeAdapter.json_schemas(
        inputs,
        ref_template=REFERENCE + "{model}",
        schema_generator=_Schemas,
    )
    schemas: dict[str, Json] = definitions["$defs"]
    for schema in schemas.values():
        schema.pop("title", None)
        if "properties" in schema and schema is not schemas["ProblemBody"]:
            schema["properties"] = {RENAMED.get(name, name): one for name, one in schema["properties"].items()}
            schema["required"] = list(schema["properties"])  # each is in every answer
    return {name: found[name, "serialization"] for name, *_ in inputs}, schemas


def path_of(rule: Rule) -> str:
    """The path of a route as OpenAPI writes it: `/users/{client_id}`."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


def _parameters(rule: Rule, operation: Operation) -> list[Json]:
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
            "description": PATH_PARAMETERS[name],
        }
        for name in rule.arguments
    ]
    return in_path + [
        {
            "name": one.name,
            "in": "query",
            "schema": dict(one.schema),
            **({"required": True} if one.is_needed else {"allowEmptyValue": True}),  # an empty one counts as absent
            "description": one.description,
        }
        for one in operation.parameters
    ]


def _responses(rule: Rule, operation: Operation, keys: Mapping[str, Json], is_conditional: bool) -> Json:
    if operation.media_type == "application/json":
        schema: Json = keys[operation.name]
    else:
        schema = {"type": "string"}
    answer: Json = {"description": operation.summary, "content": {operation.media_type: {"schema": schema}}}
    responses: Json = {str(operation.status): answer}
    if is_conditional:
        answer["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "Weak; for If-None-Match."}}
        responses["304"] = {"description": "Nothing has changed since the answer with this tag."}
    missing = {404} if not rule.arguments else set()
    missing |= {413} if operation.body is None else set()
    conflict = {409: operation.conflict} if operation.conflict else {}
    for status, when in sorted({**PROBLEMS, **conflict}.items()):
        if status not in missing:
            responses[str(status)] = {"description": when, "content": {PROBLEM: {"schema": keys["problem"]}}}
    return responses
