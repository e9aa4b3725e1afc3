"""The server's share of a live frame: from what the store has new to the text for the browser.

Two experiments, of 20,000 and of 1,000,000 recorded steps, each followed by a viewer while
it goes on by 1,000 steps a frame, in turns. A third is a race of 15 runs, whose reports are
those of a real training, followed from one to the next.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time

import numpy as np

from core.compare.conditions import protocol_line
from core.compare.courses import CurveAxis, shared_courses
from core.compare.curves import Curves
from core.compare.intervals import Spread, interval
from core.compare.scores import compare, matrix
from core.compare.verdict import summary
from core.figures import loss_figure, rivals_figure, shared_figure
from core.judging.yardsticks import shared, yardsticks
from core.records import Evaluation, Measure, Progress, Snapshot, Split
from core.spec import ExperimentSpec
from core.store import Store
from core.training import train

FRAMES = 31
SHORT, LONG = 20_000, 1_000_000
#: A frame of 1,000 steps in three chunks, as a job that writes every 0.1 s leaves them.
CHUNKS_PER_FRAME, CHUNK = 3, 334
SMOOTHING = 0.9
#: 1,000,000 steps are 9,709 epochs of it: one loss, 103 steps an epoch.
SPEC = ExperimentSpec.parse({"training": {"batch_size": 14, "epochs": 10_000}})
RACE = ExperimentSpec.parse(
    {
        "entrants": [{"loss": loss} for loss in ("cross_entropy", "bce", "mse")],
        "seeds": [0, 1, 2, 3, 4],
        "training": {"epochs": 60},
    }
)


def measure() -> dict[str, float]:
    """Median milliseconds of a frame after a million steps, and by how much that grew."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/lab.db")
        short, long = _Followed(store, SHORT), _Followed(store, LONG)
        times = [(short.frame(), long.frame()) for _ in range(FRAMES)]
        of_race = _race_frames(store)
    at_first, at_last = (statistics.median(each) for each in zip(*times, strict=True))
    return {"frame_ms": 1000 * at_last, "frame_growth": at_last / at_first, **of_race}


def _race_frames(store: Store) -> dict[str, float]:
    """Median milliseconds of a frame of a race, and the kilobytes of the largest."""
    experiment_id = store.create(RACE)
    curves = Curves(experiment_id, RACE.run_count)
    seconds, sizes = [], []
    snapshot = None
    for progress in train(RACE):
        store.report(experiment_id, progress)
        if not progress.evaluations:
            continue
        begin = time.perf_counter()
        snapshot = store.snapshot(experiment_id, snapshot.step if snapshot else -1) or snapshot
        text = _race_frame(store, experiment_id, curves, snapshot)
        seconds.append(time.perf_counter() - begin)
        sizes.append(len(text))
    return {"race_frame_ms": 1000 * statistics.median(seconds), "race_frame_kb": max(sizes) / 1000}


def _race_frame(store: Store, experiment_id: str, curves: Curves, snapshot: Snapshot | None) -> str:
    """What the Compare page does in a frame with its verdict open, but for Streamlit's part."""
    experiment, runs = store.get(experiment_id), store.runs(experiment_id)
    curves.extend(
        store.chunks(experiment_id, after=curves.last_chunk),
        store.evaluations(experiment_id, after_epoch=curves.last_epoch),
    )
    drawn = curves.evaluated(runs)
    spec, facts = experiment.spec, experiment.facts
    assert facts is not None
    assert snapshot is not None
    judged_by = shared(spec.dataset.task)[0]
    figure = shared_figure(
        shared_courses(drawn, spec, facts, judged_by),
        curves,
        judged_by,
        axis=CurveAxis.EPOCH,
        band=Spread.INTERVAL,
        seeds=False,
        note=protocol_line(spec, facts),
    )
    yardstick = yardsticks(spec.dataset.task)[0]
    verdict = summary(compare(drawn, spec, snapshot, yardstick), yardstick, finished=False)
    columns = matrix(snapshot, spec)
    means = [interval(row).mean for column in columns for row in column.scores]
    return json.dumps([figure, verdict, means])


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
        picked = experiment.spec.lineup[0]
        figures = (
            loss_figure(shown, picked, baseline=2.3, log_y=False),
            rivals_figure(shown, experiment.spec),
        )
        return "".join(json.dumps(figure) for figure in figures)
