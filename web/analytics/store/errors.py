"""What the store can say instead of an answer."""


class StoreUnavailable(Exception):  # noqa: N818 - the word of HTTP 503
    """ClickHouse cannot answer at the moment; the text says what is at fault and what to do."""

    def __init__(self, reason: str, *, retry_after: int = 5) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class UnknownPerson(LookupError):  # noqa: N818 - reads as what it is at `raise`
    """No event of this client_id is stored."""
