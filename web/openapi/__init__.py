"""What the JSON API offers, once: the check of a request, the OpenAPI document, its reference and the MCP tools read it."""
