"""From an experiment to the program that trains the same: readable, and whole."""

from __future__ import annotations

from collections.abc import Iterator

from core.program import criterion, data, loop, network
from core.program.criterion import Criterion
from core.program.parts import Part, Program
from core.records import Experiment
from core.spec import Entrant, ExperimentSpec, Protocol

#: What stands at the head of a program: a line, and the word in the code that asks for it.
_IMPORTS = (
    ("import numpy as np", "np."),
    ("import torch", "torch."),
    ("from sklearn.datasets import load_breast_cancer", "load_breast_cancer("),
    ("from sklearn.datasets import load_diabetes", "load_diabetes("),
    ("from sklearn.datasets import load_digits", "load_digits("),
    ("from sklearn.datasets import load_iris", "load_iris("),
    ("from sklearn.datasets import load_wine", "load_wine("),
    ("from sklearn.datasets import make_blobs", "make_blobs("),
    ("from sklearn.datasets import make_circles", "make_circles("),
    ("from sklearn.datasets import make_moons", "make_moons("),
    ("from sklearn.model_selection import train_test_split", "train_test_split("),
    ("from torch import nn", "nn."),
)


def written(spec: ExperimentSpec, learning_rate: float | None = None) -> Program:
    """The program of the first entrant from the first seed, on the CPU.

    Where the protocol is to search for a rate, ``learning_rate`` is the one that was found;
    without it the program has that of the settings. Nothing that a person typed becomes code
    but through the tree of an expression: no name stands in it.
    """
    entrant, task, seed = spec.lineup[0], spec.dataset.task, spec.seeds[0]
    training = spec.training
    width = entrant.loss.head.width(spec.dataset.outputs)
    is_whole = training.batch_size == spec.data.train_rows
    names = ("inputs", "targets") if is_whole else ("x_train", "y_train")
    is_difference = training.protocol is Protocol.ONE_FUNCTION and entrant.loss.key == "bce"
    made, *switched = (
        criterion.criterion(loss, task, width, choice.expression)
        for loss, choice in zip(entrant.losses, spec.entrants[0].choices, strict=True)
    )
    later = switched[0].later if switched else None
    has_own_targets = later is not None and later.encoding is not made.encoding
    parts = [
        data.part(
            spec.data,
            seed,
            made.encoding,
            width,
            names,
            later.encoding if later and has_own_targets else None,
        ),
        network.class_part(spec.network, spec.dataset.features, width),
        network.start_part(
            spec.network,
            width,
            seed,
            entrant.head_seed,
            is_difference=is_difference,
            is_classification=task.is_classification,
        ),
        criterion.part(entrant.loss, made),
        *_second(entrant, later),
        loop.optimizer_part(
            spec.optimizer,
            learning_rate or entrant.learning_rate,
            training.protocol,
            is_searched=_is_searched(spec),
            is_found=learning_rate is not None,
            doubles_head=is_difference,
        ),
        loop.loop_part(
            made,
            training.epochs,
            None if is_whole else training.batch_size,
            seed,
            doubles_head=is_difference,
            takeover=loop.Takeover(later, entrant.switch.step)
            if later and entrant.switch
            else None,
        ),
    ]
    losses = ", then ".join(loss.title for loss in entrant.losses)
    about = f"{spec.dataset.title}, {losses}.\n\nWritten by Loss Lab; runs on the CPU.\n"
    return Program(about, (_imports(parts), *parts), training.epochs, spec.steps_per_epoch)


def _second(entrant: Entrant, later: Criterion | None) -> Iterator[Part]:
    """The criterion that takes over, where the entrant switches its loss."""
    if later is not None and entrant.switch:
        yield criterion.part(entrant.switch.loss, later, "Second criterion")


def of_experiment(experiment: Experiment) -> Program:
    """The program of what was trained, with the learning rate that its training has found."""
    facts, is_searched = experiment.facts, _is_searched(experiment.spec)
    return written(experiment.spec, facts.learning_rates[0] if facts and is_searched else None)


def _is_searched(spec: ExperimentSpec) -> bool:
    """Whether the rate is known only when training begins."""
    is_best = spec.training.protocol is Protocol.BEST_RATE
    return is_best and spec.entrants[0].learning_rate is None


def _imports(parts: list[Part]) -> Part:
    code = "\n".join(part.code for part in parts)
    lines = [line for line, word in _IMPORTS if word in code]
    return Part(
        "Imports",
        "PyTorch has the tensors, the layers and losses (`torch.nn`) and the optimizers "
        "(`torch.optim`). The program runs on the CPU.",
        "\n".join(lines),
    )
