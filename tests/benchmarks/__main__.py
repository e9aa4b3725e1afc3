"""``python -m tests.benchmarks``: every number that is promised, measured and compared.

Prints one table and writes ``bench.json`` at the root of the project.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmarks import browser, frames, training

MEASURES = (training.measure, frames.measure, browser.measure)

#: What each number has to be at least or at most.
TARGETS = {
    "single_vs_plain": (">=", 3.5),
    "single_vs_sklearn": (">=", 2.0),
    "race_vs_plain": (">=", 7.0),
    "evaluation_share": ("<=", 0.15),
    "frame_ms": ("<=", 5.0),
    "frame_growth": ("<=", 1.3),
    "race_frame_ms": ("<=", 10.0),
    "race_frame_kb": ("<=", 60.0),
    "click_to_points_s": ("<=", 0.8),
    "stop_s": ("<=", 0.5),
    "slider_s": ("<=", 0.2),
}

RESULT = Path(__file__).parents[2] / "bench.json"


def main() -> None:
    measured: dict[str, float] = {}
    for measure in MEASURES:
        measured |= measure()
    RESULT.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    print(table(measured))


def table(measured: dict[str, float]) -> str:
    """One line a number: what it is, what it should be, and whether it is."""
    lines = [f"{'':<20}{'measured':>10}{'required':>12}"]
    for key, (relation, required) in TARGETS.items():
        value = measured[key]
        is_met = value >= required if relation == ">=" else value <= required
        wanted = f"{relation} {required:g}"
        lines.append(f"{key:<20}{value:>10.2f}{wanted:>12}  {'ok' if is_met else 'MISSED'}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
