"""What an exhibit came to, in words."""

from __future__ import annotations

from core.exhibits.outcome import Finding, Outcome, Tested

_HEADLINES = {Finding.SEEN: "Seen here", Finding.OPPOSITE: "The opposite here"}


def headline(outcome: Outcome) -> str:
    """One of the three findings: "Seen here", "The opposite here", "Unclear with 5 seeds"."""
    return _HEADLINES.get(outcome.finding) or f"Unclear with {_seeds(outcome.seeds)}"


def needed(outcome: Outcome) -> str:
    """How many seeds would show what is unclear; empty where nothing is."""
    if outcome.finding is not Finding.UNCLEAR:
        return ""
    if outcome.needed is None:
        return "How many seeds it would take can't be told from these."
    return f"About {_seeds(outcome.needed)} would be needed to show differences of this size."


def standing(tested: Tested) -> str:
    """What has become of one part of the claim: it is shown, the opposite is, or neither."""
    if tested.is_above:
        return "Holds"
    return "Refuted" if tested.is_below else "Open"


def line(tested: Tested) -> str:
    """A contrast with its mean and interval, as in "accuracy of A less that of B: 3.2 points
    (95% interval 2.1 to 4.3, 5 seeds)"."""
    contrast = tested.contrast
    unit = contrast.unit
    if tested.n == 0:
        return f"{contrast.words}: no seed has a value"
    mean = f"{contrast.words}: {_number(tested.mean * contrast.scale)}{unit}"
    if contrast.is_exact:
        return f"{mean} (exact, {_seeds(tested.n)})"
    low, high = (_number(end * contrast.scale) for end in (tested.low, tested.high))
    if low == "nan":
        return f"{mean} ({_seeds(tested.n)})"
    return f"{mean} (95% interval {low} to {high}{unit}, {_seeds(tested.n)})"


def _seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"{count:,} seeds"


def _number(value: float) -> str:
    """Three digits that count, without powers of ten where they can be read."""
    text = f"{value:.3g}"
    return f"{float(text):,.0f}" if "e+" in text and abs(value) < 1e9 else text
