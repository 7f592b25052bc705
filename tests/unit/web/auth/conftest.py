"""A clock that is moved by hand, and a web app that goes by it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.support.clock import FakeClock
from tests.support.web_support import make_app


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def client(tmp_path: Path, clock: FakeClock) -> Iterator[FlaskClient]:
    with make_app(tmp_path, clock=clock).test_client() as client:
        yield client
