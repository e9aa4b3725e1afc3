"""``python -m tests.benchmarks``: every number that is promised, measured and compared.

Prints a table of each part as it is measured, then one of all, and writes ``bench.json`` at the
root of the project. Where parts are named, as in ``python -m tests.benchmarks viewers``, only these
are measured and nothing is written.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tests.benchmarks import (
    browser,
    costs,
    crowd,
    frames,
    grid,
    jax,
    learned,
    opening,
    pace,
    threads,
    training,
    viewers,
)

PARTS = {
    "training": training.measure,
    "jax": jax.measure,
    "grid": grid.measure,
    "threads": threads.measure,
    "pace": pace.measure,
    "costs": costs.measure,
    "frames": frames.measure,
    "viewers": viewers.measure,
    "crowd": crowd.measure,
    "browser": browser.measure,
    "learned": learned.measure,
    "opening": opening.measure,
}

#: What each number has to be at least or at most; the others are there to compare with.
TARGETS = {
    "single_vs_plain": (">=", 6.5),
    "single_vs_sklearn": (">=", 2.0),
    "race_vs_plain": (">=", 10.0),
    "race60_vs_plain": (">=", 11.5),
    "sgd_vs_plain": (">=", 4.0),
    "momentum_vs_plain": (">=", 4.0),
    "tanh_vs_plain": (">=", 5.0),
    "gelu_vs_plain": (">=", 5.0),
    "evaluation_share": ("<=", 0.25),
    "single_vs_jax": (">=", 0.8),
    "race_vs_jax": (">=", 0.95),
    "race60_vs_jax": (">=", 1.1),
    "worst_vs_plain": (">=", 1.0),
    "worst_stack_vs_singles": (">=", 1.0),
    "race_512_vs_one_thread": (">=", 1.5),
    "two_trainings": (">=", 0.8),
    "pace_kept": (">=", 0.95),
    "engine_share": ("<=", 0.04),
    "frame_ms": ("<=", 2.0),
    "frame_growth": ("<=", 1.3),
    "race_frame_ms": ("<=", 4.0),
    "race_frame_kb": ("<=", 60.0),
    "viewers_50_fps": (">=", 3.5),
    "viewers_50_age_s": ("<=", 0.1),
    "viewers_50_training": (">=", 0.97),
    "viewers_200_fps": (">=", 3.0),
    "race_kb_s": ("<=", 40.0),
    "crowd_fps": (">=", 3.5),
    "crowd_age_s": ("<=", 0.1),
    "crowd_clicked_fps": (">=", 3.5),
    "crowd_clicked_age_s": ("<=", 0.1),
    "click_to_points_s": ("<=", 0.3),
    "stop_s": ("<=", 0.15),
    "slider_s": ("<=", 0.2),
    "first_paint_ratio": ("<=", 1.1),
    "browser_busy": ("<=", 0.35),
    "live_vs_alone": (">=", 0.95),
    "race_live_vs_alone": (">=", 0.85),
    "seen_vs_unseen": (">=", 0.85),
    "seen_busy": ("<=", 0.5),
    "replay_s": ("<=", 0.1),
    "snapshot_ms": ("<=", 10.0),
    "store_mb_15": ("<=", 65.0),
    "open_warm_s": ("<=", 1.0),
    "open_fresh_s": ("<=", 2.5),
}

RESULT = Path(__file__).parents[2] / "bench.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all")
    parts = parser.parse_args().parts
    if unknown := sorted(set(parts) - set(PARTS)):
        parser.error(f"There is no part {', '.join(unknown)}; there are {', '.join(PARTS)}.")
    measured: dict[str, float] = {}
    for name, measure in PARTS.items():
        if not parts or name in parts:
            found = measure()
            # At once, as the whole takes half an hour and a later part may fail.
            print(table(found), flush=True)
            measured |= found
    if not parts:
        RESULT.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    print(table(measured))


def table(measured: dict[str, float]) -> str:
    """One line a number: what it is, what it should be, and whether it is."""
    lines = [f"{'':<24}{'measured':>10}{'required':>12}"]
    for key, value in measured.items():
        line = f"{key:<24}{value:>10.3f}"
        if key in TARGETS:
            relation, required = TARGETS[key]
            is_met = value >= required if relation == ">=" else value <= required
            line += f"{f'{relation} {required:g}':>12}  {'ok' if is_met else 'MISSED'}"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
