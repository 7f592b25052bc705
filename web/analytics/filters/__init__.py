"""The filter: which people, as text in an address, as a tree, and as SQL. docs/filter.md describes its language."""
