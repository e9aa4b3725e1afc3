"""The server's share of a live frame: from what the store has new to the event for the browser.

Two experiments, of 20,000 and of 1,000,000 recorded steps, each followed by a viewer while
it goes on by 1,000 steps a frame, in turns. A third is a race of 15 runs, whose reports are
those of a real training, followed from one to the next.
"""

from __future__ import annotations

import statistics
import tempfile
import time

import numpy as np

from core.live.frames import Frame, next_frame
from core.live.reading import Reading
from core.live.view import Page, View
from core.records import Column, Evaluation, Measure, Progress, Split
from core.spec import ExperimentSpec
from core.spec.schedule import is_judged
from core.store import Store
from core.training import train

FRAMES = 31
SHORT, LONG = 20_000, 1_000_000
#: A frame of 1,000 steps in three chunks, as a job that writes every 0.1 s leaves them.
CHUNKS_PER_FRAME, CHUNK = 3, 334
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
    """Median milliseconds and kilobytes of a frame of Compare's default view, the verdict open."""
    experiment_id = store.create(RACE)
    viewer = _Viewer(store, experiment_id, View(page=Page.COMPARE))
    seconds, sizes = [], []
    for progress in train(RACE):
        store.report(experiment_id, progress)
        if not progress.evaluations:
            continue
        begin = time.thread_time()
        event = viewer.look()
        seconds.append(time.thread_time() - begin)
        sizes.append(len(event))
    return {
        "race_frame_ms": 1000 * statistics.median(seconds),
        "race_frame_kb": statistics.median(sizes) / 1000,
    }


class _Viewer:
    """One who looks at a view of an experiment and has every frame of it so far."""

    def __init__(self, store: Store, experiment_id: str, view: View) -> None:
        self._reading = Reading(store, experiment_id)
        self._view = view
        self.frame: Frame | None = None

    def look(self) -> bytes:
        """The event with what is new, made as a hub makes it."""
        before = self.frame
        self.frame = next_frame(self._reading.state(), self._view, before)
        return self.frame.event(before.number if before else 0)


class _Followed:
    """An experiment with so many steps recorded, and a viewer who has seen them all."""

    def __init__(self, store: Store, steps: int) -> None:
        self._store = store
        self._id = store.create(SPEC)
        self._viewer = _Viewer(store, self._id, View(smoothing=0.9))
        self._step = 0
        self._random = np.random.default_rng(0)
        while self._step < steps:
            self._train()
        self._viewer.look()

    def frame(self) -> float:
        """Seconds that one frame takes with 1,000 steps that are new to it."""
        for _ in range(CHUNKS_PER_FRAME):
            self._train()
        begin = time.thread_time()
        event = self._viewer.look()
        seconds = time.thread_time() - begin
        assert self._viewer.frame is not None
        assert self._viewer.frame.steps == self._step
        assert len(event) > 10_000
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
            evaluations=tuple(
                self._evaluation(epoch)
                for epoch in epochs
                if is_judged(epoch, SPEC.training.epochs)
            ),
            diverged_steps=(None,),
        )
        assert self._store.report(self._id, progress)

    def _evaluation(self, epoch: int) -> Evaluation:
        columns = [Column(Split.TRAIN, Measure.EPOCH_LOSS)]
        columns += [Column(s, m) for s in Split for m in (Measure.LOSS, Measure.ACCURACY)]
        values = self._random.random((len(columns), 1), np.float32)
        return Evaluation(epoch, epoch * SPEC.steps_per_epoch, tuple(columns), values)


if __name__ == "__main__":
    print(measure())
