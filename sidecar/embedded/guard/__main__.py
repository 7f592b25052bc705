"""`python -m sidecar.embedded.guard`: write functions.txt, the functions that may be called, from what the engine lists."""

import tempfile
import textwrap

import chdb

from sidecar.embedded.guard.names import LIST, REFUSED

HEAD = "# Functions that may be called: all that the engine lists but those that allowed.toml refuses. By `make embedded-lists`.\n"


def main() -> None:
    """Write the list; functions of a newer engine turn up in its diff, to be looked at."""
    refused = frozenset[str]().union(*REFUSED.values())
    with tempfile.TemporaryDirectory() as folder:
        connection = chdb.connect(folder)
        rows = connection.query(
            "SELECT name, alias_to, categories FROM system.functions WHERE origin = 'System' ORDER BY categories, name",
            "TabSeparatedRaw",
        )
        listed = [row.split("\t") for row in rows.bytes().decode().splitlines()]
        connection.close()
    groups: dict[str, list[str]] = {}
    for name, alias_to, category in listed:
        if name not in refused and alias_to not in refused:
            groups.setdefault("Aliases" if alias_to else category, []).append(name)
    text = HEAD
    for category, names in sorted(groups.items()):
        text += (
            f"# {category}\n"
            + textwrap.fill(" ".join(names), 120, break_long_words=False, break_on_hyphens=False)
            + "\n"
        )
    LIST.write_text(text)


if __name__ == "__main__":
    main()
