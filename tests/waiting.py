"""Waiting for what another process does, never for a time to pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_BETWEEN_LOOKS = 0.005


def wait_until(condition: Callable[[], T], timeout: float, what: str) -> T:
    """The first true value of ``condition``; a failure that names ``what`` if none comes."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {timeout} s in vain for: {what}. Last seen: {value!r}")
        time.sleep(_BETWEEN_LOOKS)
    return value
