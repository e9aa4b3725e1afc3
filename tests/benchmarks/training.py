"""How many times faster the engine trains than a plain PyTorch loop and scikit-learn.

All sides train the same network on the same rows for as many epochs, on one thread, one
after another in turns; a ratio pairs the two times of one turn, and the median counts.
Loading the data is outside on all sides, evaluating each epoch is inside on ours.
"""

from __future__ import annotations

import itertools
import os
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from unittest.mock import patch

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from core.data import load
from core.judging.evaluation import Evaluator
from core.judging.observer import Observer
from core.spec import ExperimentSpec
from core.training import train

T = TypeVar("T")

ROUNDS = 5
HIDDEN, BATCH, LEARNING_RATE = 128, 32, 1e-3
RIVALS = ("cross_entropy", "bce", "mse")
#: At least a second of training for the fastest side.
SINGLE_EPOCHS, RACE_EPOCHS = 240, 36
SEEDS = (0, 1, 2, 3, 4)


def measure() -> dict[str, float]:
    """Medians of paired ratios: their time divided by ours."""
    with _one_thread():
        single = _in_turns(
            {
                "ours": lambda: ours(SINGLE_EPOCHS, RIVALS[:1], SEEDS[:1]),
                "plain": lambda: plain(SINGLE_EPOCHS, RIVALS[:1], SEEDS[:1]),
                "sklearn": lambda: scikit_learn(SINGLE_EPOCHS),
            }
        )
        race = _in_turns(
            {
                "ours": lambda: ours(RACE_EPOCHS, RIVALS, SEEDS),
                "plain": lambda: plain(RACE_EPOCHS, RIVALS, SEEDS),
            }
        )
        share = statistics.median(_evaluation_share() for _ in range(ROUNDS))
    return {
        "single_vs_plain": _ratio(single, "plain"),
        "single_vs_sklearn": _ratio(single, "sklearn"),
        "race_vs_plain": _ratio(race, "plain"),
        "evaluation_share": share,
    }


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
        patch.object(Evaluator, "evaluate", timed(_all_of(Evaluator.evaluate))),
        patch.object(Observer, "snapshot", timed(Observer.snapshot)),
    ):
        seconds = ours(RACE_EPOCHS, RIVALS, SEEDS)
    return spent / (seconds - spent)


def _all_of(generator: Callable[..., Iterator[T]]) -> Callable[..., list[T]]:
    return lambda *arguments: list(generator(*arguments))


def _in_turns(sides: dict[str, Callable[[], float]]) -> list[dict[str, float]]:
    """Seconds of each side in each round; every other round goes backwards."""
    orders = itertools.cycle([list(sides), list(reversed(sides))])
    return [{side: sides[side]() for side in next(orders)} for _ in range(ROUNDS)]


def _ratio(rounds: list[dict[str, float]], side: str) -> float:
    return statistics.median(seconds[side] / seconds["ours"] for seconds in rounds)


@contextmanager
def _one_thread() -> Iterator[None]:
    os.environ["LOSSLAB_THREADS"] = "1"
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield


# ------------------------------------------------------------------ the three sides


def ours(epochs: int, losses: tuple[str, ...], seeds: tuple[int, ...]) -> float:
    """As the app does it, fully consumed; the first report comes once the data is loaded."""
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "digits"},
            "network": {"hidden_sizes": [HIDDEN]},
            "optimizer": {"name": "adam", "learning_rate": LEARNING_RATE},
            "training": {"batch_size": BATCH, "epochs": epochs, "device": "cpu"},
            "entrants": [{"loss": loss} for loss in losses],
            "seeds": seeds,
        }
    )
    reports = train(spec)
    next(reports)
    begin = time.perf_counter()
    steps = sum(len(report.losses) for report in reports)
    seconds = time.perf_counter() - begin
    assert steps == spec.total_steps
    return seconds


def plain(epochs: int, losses: tuple[str, ...], seeds: tuple[int, ...]) -> float:
    """One plain loop after another, one for each loss and seed."""
    seconds = 0.0
    for loss, seed in itertools.product(losses, seeds):
        data = load(ExperimentSpec().data, seed)
        x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train).long()
        torch.manual_seed(seed)
        begin = time.perf_counter()
        _PLAIN_LOOPS[loss](x, y, epochs)
        seconds += time.perf_counter() - begin
    return seconds


def _cross_entropy(x: Tensor, y: Tensor, epochs: int) -> None:
    _loop(x, y, epochs, nn.CrossEntropyLoss())


def _bce(x: Tensor, y: Tensor, epochs: int) -> None:
    _loop(x, nn.functional.one_hot(y).float(), epochs, nn.BCEWithLogitsLoss())


def _mse(x: Tensor, y: Tensor, epochs: int) -> None:
    mse = nn.MSELoss()
    one_hot = nn.functional.one_hot(y).float()
    _loop(x, one_hot, epochs, lambda z, target: mse(z.softmax(1), target))


_PLAIN_LOOPS = {"cross_entropy": _cross_entropy, "bce": _bce, "mse": _mse}


def _loop(
    x: Tensor, y: Tensor, epochs: int, loss_function: Callable[[Tensor, Tensor], Tensor]
) -> list[float]:
    network = nn.Sequential(nn.Linear(x.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    recorded = []
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(BATCH):
            loss = loss_function(network(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recorded.append(loss.item())
    return recorded


def scikit_learn(epochs: int) -> float:
    data = load(ExperimentSpec().data, seed=0)
    network = MLPClassifier(
        (HIDDEN,),
        alpha=0,
        batch_size=BATCH,
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
