"""How many times faster the engine trains than a plain PyTorch loop and scikit-learn.

All sides train the same network on the same rows for as many epochs, on one thread, one
after another in turns; a ratio pairs the two times of one turn, and the median counts.
Loading the data is outside on all sides, evaluating each epoch is inside on ours. Against a
race of 60 the plain loop trains a quarter of the runs, and its time counts four times.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar
from unittest.mock import patch

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from core.data import load
from core.errors import LabError
from core.judging.evaluation import Evaluator
from core.judging.observer import Observer
from core.spec import ExperimentSpec
from tests.benchmarks.rounds import ROUNDS, in_turns, one_thread, ratio
from tests.benchmarks.sides import LEARNING_RATE, RACE, RACE_60, SINGLE, Task, ours, plain

T = TypeVar("T")

#: More than a second of training for the fastest side: what is kept to be replayed costs ours some
#: hundredths of a second once.
SINGLE_EPOCHS, RACE_EPOCHS, RACE_60_EPOCHS = 480, 72, 24
#: The runs that the plain loop trains of a race of 60.
PART_OF_60 = RACE
VARIANTS = {
    "sgd": replace(SINGLE, optimizer="sgd"),
    "momentum": replace(SINGLE, optimizer="momentum"),
    "tanh": replace(SINGLE, activation="tanh"),
    "gelu": replace(SINGLE, activation="gelu"),
}
CUDA = {
    "cuda_single": (replace(SINGLE, device="cuda"), 60),
    "cuda_race": (replace(RACE, device="cuda"), 12),
}


def measure() -> dict[str, float]:
    """Medians of paired ratios: their time divided by ours."""
    with one_thread():
        measured = {
            **_single_ratios(),
            "race_vs_plain": _race_ratio(RACE, RACE, RACE_EPOCHS),
            "race60_vs_plain": _race_ratio(RACE_60, PART_OF_60, RACE_60_EPOCHS),
            **{f"{name}_vs_plain": _ratio(task, SINGLE_EPOCHS) for name, task in VARIANTS.items()},
            "evaluation_share": statistics.median(_evaluation_share() for _ in range(ROUNDS)),
        }
    return measured | _on_cuda()


def _single_ratios() -> dict[str, float]:
    rounds = in_turns(
        {
            "ours": lambda: ours(SINGLE, SINGLE_EPOCHS),
            "plain": lambda: plain(SINGLE, SINGLE_EPOCHS),
            "sklearn": lambda: scikit_learn(SINGLE_EPOCHS),
        }
    )
    return {f"single_vs_{side}": ratio(rounds, side) for side in ("plain", "sklearn")}


def _ratio(task: Task, epochs: int) -> float:
    return _race_ratio(task, task, epochs)


def _race_ratio(race: Task, part: Task, epochs: int) -> float:
    """Against the plain loop, which trains only a part of the race."""
    sides = {"ours": lambda: ours(race, epochs), "plain": lambda: plain(part, epochs)}
    return ratio(in_turns(sides), "plain") * race.runs / part.runs


def _evaluation_share() -> float:
    """Of a race's training time, the part that goes into judging and looking at it."""
    spent = 0.0

    def timed(function: Callable[..., T]) -> Callable[..., T]:
        def wrapped(*arguments: Any) -> T:
            nonlocal spent
            begin = time.perf_counter()
            found = function(*arguments)
            spent += time.perf_counter() - begin
            return found

        return wrapped

    with (
        patch.object(Evaluator, "evaluate", timed(Evaluator.evaluate)),
        patch.object(Observer, "snapshot", timed(Observer.snapshot)),
    ):
        seconds = ours(RACE, RACE_EPOCHS)
    return spent / (seconds - spent)


def _on_cuda() -> dict[str, float]:
    """Both sides on the GPU, where there is one; what can't be trained there is left out."""
    if not torch.cuda.is_available():
        print("There is no CUDA GPU: cuda_single_vs_plain and cuda_race_vs_plain are left out.")
        return {}
    measured = {}
    for name, (task, epochs) in CUDA.items():
        try:
            # The first trainings wait for the GPU's libraries to be loaded.
            ours(task, 1)
            plain(task, 1)
            measured[f"{name}_vs_plain"] = _ratio(task, epochs)
        except (RuntimeError, LabError) as error:
            print(f"{name}_vs_plain is left out, as it fails on this GPU: {error}")
    return measured


def scikit_learn(epochs: int) -> float:
    """Seconds of the same single network as scikit-learn trains it."""
    data = load(ExperimentSpec().data, seed=0)
    network = MLPClassifier(
        SINGLE.hidden,
        alpha=0,
        batch_size=SINGLE.batch,
        learning_rate_init=LEARNING_RATE,
        max_iter=epochs,
        tol=0,
        n_iter_no_change=epochs + 1,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        begin = time.perf_counter()
        network.fit(data.x_train, data.y_train)
        seconds = time.perf_counter() - begin
    assert network.n_iter_ == epochs
    return seconds


if __name__ == "__main__":
    print(measure())
