"""The server's share of a live frame: from what the store has new to the text for the browser.

Two experiments, of 20,000 and of 1,000,000 recorded steps, each followed by a viewer while
it goes on by 1,000 steps a frame, in turns.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time

import numpy as np

from core.curves import Curves
from core.figures import loss_figure, rivals_figure
from core.records import Evaluation, Measure, Progress, Split
from core.spec import ExperimentSpec
from core.store import Store

FRAMES = 31
SHORT, LONG = 20_000, 1_000_000
#: A frame of 1,000 steps in three chunks, as a job that writes every 0.1 s leaves them.
CHUNKS_PER_FRAME, CHUNK = 3, 334
SMOOTHING = 0.9
#: 1,000,000 steps are 9,709 epochs of it: one loss, 103 steps an epoch.
SPEC = ExperimentSpec.parse({"training": {"batch_size": 14, "epochs": 10_000}})


def measure() -> dict[str, float]:
    """Median milliseconds of a frame after a million steps, and by how much that grew."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/lab.db")
        short, long = _Followed(store, SHORT), _Followed(store, LONG)
        times = [(short.frame(), long.frame()) for _ in range(FRAMES)]
    at_first, at_last = (statistics.median(each) for each in zip(*times, strict=True))
    return {"frame_ms": 1000 * at_last, "frame_growth": at_last / at_first}


class _Followed:
    """An experiment with so many steps recorded, and a viewer who has seen them all."""

    def __init__(self, store: Store, steps: int) -> None:
        self._store = store
        self._id = store.create(SPEC)
        self._curves = Curves(self._id, SPEC.run_count)
        self._step = 0
        self._random = np.random.default_rng(0)
        while self._step < steps:
            self._train()
        self._draw()

    def frame(self) -> float:
        """Seconds that one frame takes with 1,000 steps that are new to it."""
        for _ in range(CHUNKS_PER_FRAME):
            self._train()
        begin = time.perf_counter()
        text = self._draw()
        seconds = time.perf_counter() - begin
        assert self._curves.view(self._store.runs(self._id)).step == self._step
        assert len(text) > 10_000
        return seconds

    def _train(self) -> None:
        """One more report, of losses that fall like those of a training run."""
        first, self._step = self._step + 1, self._step + CHUNK
        noise = self._random.lognormal(0, 0.3, CHUNK)
        losses = noise * (0.05 + 2.3 / (1 + np.arange(first, self._step + 1) / 500))
        per_epoch = SPEC.steps_per_epoch
        epochs = range((first - 1) // per_epoch + 1, self._step // per_epoch + 1)
        progress = Progress(
            step=self._step,
            epoch=self._step // per_epoch,
            seconds=self._step / 8000,
            losses=losses[:, None].astype(np.float32),
            evaluations=tuple(row for epoch in epochs for row in self._evaluation(epoch)),
            diverged_steps=(None,),
        )
        assert self._store.report(self._id, progress)

    def _evaluation(self, epoch: int) -> list[Evaluation]:
        step = epoch * SPEC.steps_per_epoch
        judged = [(Split.TRAIN, Measure.EPOCH_LOSS)]
        judged += [(s, m) for s in Split for m in (Measure.LOSS, Measure.ACCURACY)]
        return [
            Evaluation(0, epoch, step, split, measure, float(self._random.random()))
            for split, measure in judged
        ]

    def _draw(self) -> str:
        """What the page does in a frame, but for Streamlit's own part."""
        experiment, runs = self._store.get(self._id), self._store.runs(self._id)
        self._curves.extend(
            self._store.chunks(self._id, after=self._curves.last_chunk),
            self._store.evaluations(self._id, after_epoch=self._curves.last_epoch),
        )
        shown = self._curves.view(runs, SMOOTHING)
        picked = experiment.spec.losses[0]
        figures = (
            loss_figure(shown, picked, baseline=2.3, log_y=False),
            rivals_figure(shown, experiment.spec, picked),
        )
        return "".join(json.dumps(figure) for figure in figures)
