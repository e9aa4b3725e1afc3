"""Every exhibit trained anew, and by an independent program that knows nothing of the lab."""

from __future__ import annotations

import importlib

import pytest

from core.exhibits import EXHIBITS
from core.exhibits.recorded import recorded
from core.exhibits.running import outcome


@pytest.mark.parametrize("key", EXHIBITS)
def test_an_exhibit_comes_to_what_was_recorded(key: str) -> None:
    known = recorded(key)
    assert known is not None
    assert outcome(EXHIBITS[key]).finding is known.finding


@pytest.mark.parametrize("key", EXHIBITS)
def test_a_plain_pytorch_program_comes_to_the_same_verdict(key: str) -> None:
    """``tests/exhibits/plain_KEY.py`` imports nothing of the lab."""
    known = recorded(key)
    assert known is not None
    program = importlib.import_module(f"tests.exhibits.plain_{key}")
    assert program.verdict() == known.finding.value
