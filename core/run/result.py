"""What a training has come to, for a person or for a program to read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.compare.courses import judged_split
from core.compare.scores import Standing
from core.compare.table import legend, table
from core.judging.yardsticks import yardsticks
from core.records import Facts, Progress, Snapshot, Status
from core.spec import ExperimentSpec


@dataclass(frozen=True)
class Result:
    """The scores of the newest snapshot; ``newest`` is the newest report.

    A run whose loss was not finite at some step has no scores, as its weights mean nothing;
    an entrant is diverged if any of its runs is. Training that has no outcome was stopped.
    """

    spec: ExperimentSpec
    facts: Facts
    snapshot: Snapshot
    newest: Progress

    @property
    def is_over(self) -> bool:
        return self.newest.outcome is not None

    @cached_property
    def _standing(self) -> Standing:
        return Standing.of(self.spec, self.snapshot, self.newest.diverged_steps)

    # ------------------------------------------------------------ for a program

    def plain(self) -> dict[str, Any]:
        """As JSON takes it, with None for a run that has no score."""
        entrants = [
            {
                "title": entrant.title,
                "loss": entrant.loss.key,
                "status": self._status(entrant.place).value,
                "scores": self._scores(entrant.place),
            }
            for entrant in self.spec.lineup
        ]
        return {"entrants": entrants, "seeds": self.spec.seeds, "epoch": self.snapshot.epoch}

    def _status(self, place: int) -> Status:
        if self._standing.diverged[place].any():
            return Status.DIVERGED
        return Status.FINISHED if self.is_over else Status.STOPPED

    def _scores(self, place: int) -> dict[str, list[float | None]]:
        """By each yardstick of the task, one a seed."""
        measures = [yardstick.measure for yardstick in yardsticks(self.spec.dataset.task)]
        rows = {each: self._standing.scores(each)[place] for each in measures}
        return {
            measure.value: [score if math.isfinite(score) else None for score in row.tolist()]
            for measure, row in rows.items()
        }

    # ------------------------------------------------------------ for a person

    def text(self) -> str:
        """The conditions in a line, a table of the scores, and what there is to say of it."""
        columns = self._standing.matrix
        lines = table(columns, self.spec)
        notes = [*legend(columns, self.spec), *self._divergences()]
        parts = [self._conditions()], lines, notes
        return "\n\n".join("\n".join(part) for part in parts if part)

    def _conditions(self) -> str:
        spec, rates = self.spec, self.facts.learning_rates
        epoch = f"epoch {self.snapshot.epoch:,} of {spec.training.epochs:,}"
        parts = (
            f"{spec.dataset.title} on {self.facts.device}",
            epoch if self.is_over else f"{epoch} (stopped)",
            _listed("seed", map(str, spec.seeds)),
            _listed("learning rate", (f"{rate:g}" for rate in rates)),
            f"scores on {judged_split(spec).rows}",
        )
        return "; ".join(parts)

    def _divergences(self) -> list[str]:
        counts = self._standing.diverged.sum(1).tolist()
        return [
            f"{entrant.title} diverged from {count} of {len(self.spec.seeds)} seeds."
            for entrant, count in zip(self.spec.lineup, counts, strict=True)
            if count
        ]


def _listed(noun: str, words: Iterable[str]) -> str:
    """ "seed 3", or "seeds 3, 4"; one word alone where all are the same."""
    words = list(words)
    if len(set(words)) == 1:
        return f"{noun} {words[0]}"
    return f"{noun}s {', '.join(words)}"
