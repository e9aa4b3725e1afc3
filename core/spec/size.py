"""How large an experiment may be, and how its size is estimated before it runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: All runs of an experiment together.
MAX_PARAMETERS = 50_000_000
MAX_MEMORY_BYTES = 2 * 2**30
MAX_RECORDED_LOSSES = 50_000_000
#: Estimated, of all steps together: six hours.
MAX_SECONDS = 21_600

#: What a step costs on an ordinary core: a fixed part, arithmetic, and each activation's share.
_SECONDS_PER_STEP = 7e-5
_OPERATIONS_PER_SECOND = 5e10
_SECONDS_PER_ACTIVATION = 5e-9
#: Rows that are judged at once need room too.
_JUDGED_ROWS = 512


@dataclass(frozen=True)
class Size:
    """The numbers that the cost of an experiment depends on.

    ``parameters`` are those of one run; ``units`` its hidden units and logits together;
    ``rows`` the data rows of one seed, each with ``features`` numbers.
    """

    runs: int
    seeds: int
    parameters: int
    units: int
    features: int
    rows: int
    batch_size: int
    total_steps: int

    @property
    def memory_bytes(self) -> int:
        """Estimate: parameters with gradient and two moments, activations, data."""
        state = 4 * self.parameters * self.runs
        activations = 3 * self.units * max(self.batch_size, _JUDGED_ROWS) * self.runs
        data = 2 * self.rows * self.features * self.seeds
        return 4 * (state + activations + data)

    @property
    def seconds(self) -> float:
        """Rough, for an ordinary core: what each step costs, its judging left out."""
        examples = self.batch_size * self.runs
        # Two operations a weight and example forward, four backward.
        arithmetic = 6 * self.parameters * examples / _OPERATIONS_PER_SECOND
        activations = self.units * examples * _SECONDS_PER_ACTIVATION
        return self.total_steps * (_SECONDS_PER_STEP + arithmetic + activations)

    def problems(self) -> Iterable[str]:
        """A sentence for each limit that is passed."""
        sizes = {
            "parameters": (self.parameters * self.runs, MAX_PARAMETERS, ""),
            "bytes of memory": (self.memory_bytes, MAX_MEMORY_BYTES, " estimated"),
            "recorded losses": (self.total_steps * self.runs, MAX_RECORDED_LOSSES, ""),
            "seconds of training": (round(self.seconds), MAX_SECONDS, " estimated"),
        }
        for unit, (value, allowed, how) in sizes.items():
            if value > allowed:
                yield (
                    f"This is too large: {value:,} {unit}{how} for {self.runs} "
                    f"run(s) together; allowed is up to {allowed:,}."
                )
