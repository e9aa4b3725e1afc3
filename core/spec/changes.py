"""What differs between two experiments, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.bounds import as_text
from core.spec.experiment import ExperimentSpec
from core.spec.in_words import ACTIVATION_TITLES, OPTIMIZER_TITLES

#: How each field that a form has is called and written; entrants and seeds are told apart.
_FIELDS: tuple[tuple[str, Callable[[ExperimentSpec], str]], ...] = (
    ("data", lambda spec: spec.dataset.title),
    ("rows", lambda spec: as_text(spec.data.rows)),
    ("noise", lambda spec: as_text(spec.data.noise)),
    ("share held out", lambda spec: as_text(spec.data.validation_fraction)),
    ("hidden layers", lambda spec: "-".join(map(str, spec.network.hidden_sizes)) or "none"),
    ("activation", lambda spec: ACTIVATION_TITLES[spec.network.activation]),
    ("start", lambda spec: spec.network.start.scheme.value),
    ("factor on the last layer", lambda spec: as_text(spec.network.start.head_factor)),
    ("optimizer", lambda spec: OPTIMIZER_TITLES[spec.optimizer.name]),
    ("learning rate", lambda spec: as_text(spec.optimizer.learning_rate)),
    ("momentum", lambda spec: as_text(spec.optimizer.momentum)),
    ("weight decay", lambda spec: as_text(spec.optimizer.weight_decay)),
    ("batch size", lambda spec: as_text(spec.training.batch_size)),
    ("epochs", lambda spec: as_text(spec.training.epochs)),
    ("device", lambda spec: spec.training.device.value),
    ("fairness", lambda spec: spec.training.protocol.value.replace("_", " ")),
)


def changes(before: ExperimentSpec, after: ExperimentSpec) -> tuple[str, ...]:
    """As in "learning rate 0.03 → 0.003", one for each field that differs."""
    return tuple(_changes(before, after))


def _changes(before: ExperimentSpec, after: ExperimentSpec) -> Iterator[str]:
    for label, written in _FIELDS:
        old, new = written(before), written(after)
        if old != new:
            yield f"{label} {old} → {new}"
    yield from _of_entrants(before, after)
    if before.seeds != after.seeds:
        yield "seeds"


def _of_entrants(before: ExperimentSpec, after: ExperimentSpec) -> Iterator[str]:
    """Learning rates of their own one by one; all else together."""
    if before.entrants == after.entrants:
        return
    rateless = [
        [entrant.model_copy(update={"learning_rate": None}) for entrant in spec.entrants]
        for spec in (before, after)
    ]
    if rateless[0] != rateless[1]:
        yield "entrants"
        return
    for old, new, known in zip(before.entrants, after.entrants, before.lineup, strict=True):
        if old.learning_rate != new.learning_rate:
            rates = [
                "as all" if each.learning_rate is None else as_text(each.learning_rate)
                for each in (old, new)
            ]
            yield f"learning rate of {known.loss.title} {rates[0]} → {rates[1]}"
