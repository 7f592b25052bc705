"""Links that the owner's router sends."""

import pytest

from chattrail.aiogram.owner.commands import address_of
from web.analytics import person_key


@pytest.mark.parametrize("client_id", ["1001", "-5", "a b/ü", "~x", ".", "", "x" * 301, "ü" * 200, "\udcff"])
def test_links_lead_where_the_dashboard_has_the_trail(client_id: str) -> None:
    assert address_of(client_id) == person_key.address_of(client_id)
