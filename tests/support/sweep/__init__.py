"""The sweep of embedded ClickHouse: every name that the engine lists is tried as each user, with calls that are generated."""
