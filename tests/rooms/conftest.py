"""What every test of a room may ask for."""

from __future__ import annotations

import pytest
from tienda_norte import Cast


@pytest.fixture(scope="session")
def cast() -> Cast:
    """The people of every test."""
    return Cast()
