"""What the tests of numbers share."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture
def no_warnings() -> Iterator[None]:
    """NumPy and SciPy warn of what is not defined; none of it is to come up."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
