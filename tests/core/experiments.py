"""Experiments for tests that care for their losses alone."""

from __future__ import annotations

from core.losses import CUSTOM
from core.losses.custom import EXAMPLE
from core.spec import EntrantSpec


def entrants(*losses: str, expression: str = EXAMPLE) -> tuple[EntrantSpec, ...]:
    """One entrant a loss; the expression is that of a person's own."""
    return tuple(
        EntrantSpec(loss=key, expression=expression if key == CUSTOM else None) for key in losses
    )
