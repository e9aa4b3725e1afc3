"""What is trained for comparison, by the engine and by a plain PyTorch loop.

Both have the same rows, network, optimizer and losses. Loading the data is outside on both
sides; judging each epoch and recording what was trained is inside on ours.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.data import DataSpec, load
from core.spec import ExperimentSpec
from core.training import train
from core.training.recording import KEPT_SECONDS

LEARNING_RATE = 1e-3
RIVALS = ("cross_entropy", "bce", "mse")
CLASSES = 10

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
}
OPTIMIZERS: dict[str, Callable[[Iterator[Tensor]], torch.optim.Optimizer]] = {
    "adam": lambda parameters: torch.optim.Adam(parameters, LEARNING_RATE),
    "sgd": lambda parameters: torch.optim.SGD(parameters, LEARNING_RATE),
    "momentum": lambda parameters: torch.optim.SGD(parameters, LEARNING_RATE, momentum=0.9),
}


@dataclass(frozen=True)
class Task:
    """Networks to train on the digits: one for each loss and seed."""

    losses: tuple[str, ...] = RIVALS[:1]
    seeds: tuple[int, ...] = (0,)
    hidden: tuple[int, ...] = (128,)
    batch: int = 32
    optimizer: str = "adam"
    activation: str = "relu"
    device: str = "cpu"

    @property
    def runs(self) -> int:
        return len(self.losses) * len(self.seeds)

    def spec(self, epochs: int) -> ExperimentSpec:
        """Raises ``SpecError`` for what is larger than the lab allows."""
        return ExperimentSpec.parse(
            {
                "data": {"name": "digits"},
                "network": {"hidden_sizes": self.hidden, "activation": self.activation},
                "optimizer": {"name": self.optimizer, "learning_rate": LEARNING_RATE},
                "training": {"batch_size": self.batch, "epochs": epochs, "device": self.device},
                "entrants": [{"loss": loss} for loss in self.losses],
                "seeds": self.seeds,
            }
        )


SINGLE = Task()
RACE = Task(RIVALS, tuple(range(5)))
RACE_60 = Task(RIVALS, tuple(range(20)))


# ------------------------------------------------------------------ ours


def ours(task: Task, epochs: int) -> float:
    """Seconds, as the app does it; the first report comes once the data is loaded."""
    spec = task.spec(epochs)
    reports = train(spec)
    next(reports)
    begin = time.perf_counter()
    steps = sum(len(report.losses) for report in reports)
    seconds = time.perf_counter() - begin
    assert steps == spec.total_steps
    return seconds


@dataclass(frozen=True)
class Window:
    """How much is timed of a training: so many seconds and steps, or more.

    Our side goes on to the end of an epoch, so that its judging counts, but not beyond ``most``
    seconds, where epochs take long.
    """

    least: float
    most: float
    steps: int = 3

    def part(self, count: int) -> Window:
        """For each of so many trainings, where one after another is timed."""
        return Window(self.least / count, self.most / count, self.steps)


class Training:
    """A training of ours that goes on whenever it is timed."""

    def __init__(self, spec: ExperimentSpec, kept_seconds: float = KEPT_SECONDS) -> None:
        self._epoch = spec.steps_per_epoch
        self._reports = train(spec, kept_seconds)
        next(self._reports)

    def seconds_per_step(self, window: Window) -> float:
        steps, begin = 0, time.perf_counter()
        for report in self._reports:
            steps += len(report.losses)
            seconds = time.perf_counter() - begin
            is_enough = seconds >= window.least and steps >= window.steps
            is_at_end = report.step % self._epoch == 0
            if is_enough and (is_at_end or seconds >= window.most):
                return seconds / steps
        raise AssertionError("The training was to be longer than what is timed of it.")


# ------------------------------------------------------------------ the plain loop


def plain(task: Task, epochs: int) -> float:
    """Seconds of one plain loop after another, one for each loss and seed."""
    seconds = 0.0
    for loss, seed in itertools.product(task.losses, task.seeds):
        steps = plain_steps(task, loss, seed)
        count = task.spec(epochs).total_steps
        _synchronise(task)
        begin = time.perf_counter()
        recorded = list(itertools.islice(steps, count))
        _synchronise(task)
        seconds += time.perf_counter() - begin
        assert len(recorded) == count
    return seconds


def plain_steps(task: Task, loss: str, seed: int) -> Iterator[float]:
    """The loss of one step after another, epoch after epoch; the data is loaded at once."""
    data = load(DataSpec(name="digits"), seed)
    x = torch.from_numpy(data.x_train).to(task.device)
    y = torch.from_numpy(data.y_train).long().to(task.device)
    torch.manual_seed(seed)
    return _PLAIN_LOOPS[loss](task, x, y)


def _cross_entropy(task: Task, x: Tensor, y: Tensor) -> Iterator[float]:
    return _loop(task, x, y, nn.CrossEntropyLoss())


def _bce(task: Task, x: Tensor, y: Tensor) -> Iterator[float]:
    return _loop(task, x, nn.functional.one_hot(y).float(), nn.BCEWithLogitsLoss())


def _mse(task: Task, x: Tensor, y: Tensor) -> Iterator[float]:
    mse = nn.MSELoss()
    one_hot = nn.functional.one_hot(y).float()
    return _loop(task, x, one_hot, lambda z, target: mse(z.softmax(1), target))


_PLAIN_LOOPS = {"cross_entropy": _cross_entropy, "bce": _bce, "mse": _mse}


def _loop(
    task: Task, x: Tensor, y: Tensor, loss_function: Callable[[Tensor, Tensor], Tensor]
) -> Iterator[float]:
    network = plain_network(task, x.shape[1]).to(task.device)
    optimizer = OPTIMIZERS[task.optimizer](network.parameters())
    while True:
        for rows in torch.randperm(len(x), device=x.device).split(task.batch):
            loss = loss_function(network(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item()


def plain_network(task: Task, features: int) -> nn.Module:
    layers: list[nn.Module] = []
    for width in task.hidden:
        layers += [nn.Linear(features, width), ACTIVATIONS[task.activation]()]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, CLASSES))


def _synchronise(task: Task) -> None:
    if task.device == "cuda":
        torch.cuda.synchronize()
