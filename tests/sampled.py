"""Families of cases, of which `make test` takes some and `make verify` all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(cases: Iterable[Any], count: int) -> list[Any]:
    """All cases, of which ``count``, spread evenly, are not marked as thorough."""
    everything = list(cases)
    taken = {round(at * len(everything) / count) for at in range(count)}
    return [case if number in taken else _thorough(case) for number, case in enumerate(everything)]


def _thorough(case: Any) -> Any:
    if isinstance(case, type(pytest.param())):
        return pytest.param(*case.values, marks=[*case.marks, pytest.mark.thorough], id=case.id)
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.thorough)
