"""The page of the JSON API: its reference, from the OpenAPI document that the same server gives."""

from flask import current_app, render_template

from web.openapi.document import document
from web.openapi.operation import operations
from web.openapi.reference import parameter_rows, type_of
from web.pages.template_context import page_bot, request_formats


def reference() -> str:
    """Render /analytics/api."""
    page_bot()
    described = document(current_app)
    parameters = {operation.name: parameter_rows(operation.parameters) for _, operation in operations(current_app)}
    return render_template(
        "reference.html",
        title=request_formats().words.text("api.title"),
        status="",
        paths=described["paths"],
        schemas=described["components"]["schemas"],
        parameters=parameters,
        type_of=type_of,
    )
