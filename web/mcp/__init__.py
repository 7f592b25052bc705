"""The MCP server: language models ask for what the JSON API answers, and for SQL (docs/machines.md)."""
