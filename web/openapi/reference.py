"""The OpenAPI document as rows to read: of the page of the API, and of the tables in docs/api.md."""

from collections.abc import Mapping
from typing import Any

from web.openapi.document import REFERENCE
from web.openapi.operation import Parameter


def parameter_rows(parameters: tuple[Parameter, ...]) -> list[tuple[str, str, str]]:
    """Name, values and default of each, in Markdown."""
    rows = []
    for one in parameters:
        choices = ", ".join(f"`{choice}`" for choice in one.schema.get("enum", ()))
        described = all(f"`{choice}`" in one.description for choice in one.schema.get("enum", ()))
        values = one.description if described else f"{choices}: {one.description}"
        default = one.schema.get("default")
        rows.append((f"`{one.name}`", values, "" if default is None else f"`{default}`"))
    return rows


def type_of(schema: Mapping[str, Any]) -> str:
    """What a schema takes, in a few words: `list of Revenue`, `date-time or null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(REFERENCE)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(str(choice) for choice in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {type_of(schema['items'])}"
    if schema.get("type") == "object":
        return f"object of {type_of(schema['additionalProperties'])} by name"
    return str(schema.get("format") or schema.get("type") or "any JSON")
