"""The statements of the rollup that have a file of their own; `$marked` in one stands for marked.sql."""

from pathlib import Path
from string import Template

HERE = Path(__file__).parent


def statement(name: str) -> str:
    """Read a statement from `<name>.sql`."""
    return Template((HERE / f"{name}.sql").read_text()).substitute(marked=(HERE / "marked.sql").read_text())
