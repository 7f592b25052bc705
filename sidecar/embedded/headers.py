"""The headers of an answer: content type by format, progress and summary as a ClickHouse server counts them."""

import json
from collections.abc import Mapping
from typing import Final

COUNTS: Final = (
    "read_rows", "read_bytes", "written_rows", "written_bytes", "total_rows_to_read", "result_rows", "result_bytes",
    "elapsed_ns",
)  # fmt: skip
UTF8: Final = "; charset=UTF-8"


def content_type(name: str) -> str:
    """The media type of an output format."""
    if name.startswith(("TabSeparated", "TSV", "Raw")):
        return "text/tab-separated-values" + UTF8
    if name.startswith("CSV"):
        return f"text/csv{UTF8}; header={'present' if 'Names' in name else 'absent'}"
    if "EachRow" in name or name in ("JSONLines", "NDJSON", "JSONL"):
        return "application/x-ndjson" + UTF8
    if name.startswith("JSON"):
        return "application/json" + UTF8
    if name == "XML":
        return "application/xml" + UTF8
    if name.startswith(("Native", "RowBinary", "Parquet", "Arrow", "ORC", "Protobuf", "MsgPack", "Avro", "RawBLOB")):
        return "application/octet-stream"
    return "text/plain" + UTF8


def summary(progress: Mapping[str, int]) -> str:
    """X-ClickHouse-Summary and X-ClickHouse-Progress: counts as strings."""
    return json.dumps({name: str(progress.get(name, 0)) for name in COUNTS}, separators=(",", ":"))
