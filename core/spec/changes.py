"""What differs between two experiments, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from core.bounds import as_text
from core.spec import by_hand
from core.spec.entrants import EntrantSpec
from core.spec.experiment import ExperimentSpec
from core.spec.in_words import ACTIVATION_TITLES, OPTIMIZER_TITLES

#: How each field that a form has is called and written; entrants and seeds are told apart.
_FIELDS: tuple[tuple[str, Callable[[ExperimentSpec], str]], ...] = (
    ("data", lambda spec: spec.dataset.title),
    ("rows", lambda spec: as_text(spec.data.rows)),
    ("noise", lambda spec: as_text(spec.data.noise)),
    ("classes", lambda spec: as_text(spec.data.classes)),
    ("flipped labels", lambda spec: as_text(spec.data.stress.flipped_labels)),
    ("labels flipped to", lambda spec: spec.data.stress.flips.value),
    ("outliers", lambda spec: as_text(spec.data.stress.outliers)),
    ("size of the outliers", lambda spec: as_text(spec.data.stress.outlier_size)),
    ("outliers in", lambda spec: spec.data.stress.outliers_in.value),
    ("imbalance", lambda spec: as_text(spec.data.stress.imbalance)),
    ("feature noise", lambda spec: as_text(spec.data.stress.feature_noise)),
    ("training rows kept", lambda spec: as_text(spec.data.stress.kept_rows)),
    ("held-out rows", lambda spec: "stressed" if spec.data.stress.on_held_out else "clean"),
    ("share held out", lambda spec: as_text(spec.data.validation_fraction)),
    ("hidden layers", lambda spec: "-".join(map(str, spec.network.hidden_sizes)) or "none"),
    ("activation", lambda spec: ACTIVATION_TITLES[spec.network.activation]),
    ("start", lambda spec: by_hand.in_words(spec.network.start)),
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
    """Learning rates of their own and switches of the loss one by one; all else together."""
    if before.entrants == after.entrants:
        return
    bare = [
        [entrant.model_copy(update=dict.fromkeys(_TOLD_ALONE)) for entrant in spec.entrants]
        for spec in (before, after)
    ]
    if bare[0] != bare[1]:
        yield "entrants"
        return
    for old, new, known in zip(before.entrants, after.entrants, before.lineup, strict=True):
        for name, (label, written) in _TOLD_ALONE.items():
            if getattr(old, name) != getattr(new, name):
                yield f"{label} of {known.loss.title} {written(old)} → {written(new)}"


def _rate(entrant: EntrantSpec) -> str:
    return "as all" if entrant.learning_rate is None else as_text(entrant.learning_rate)


def _switch(entrant: EntrantSpec) -> str:
    if entrant.then is None:
        return "none"
    details = f" ({entrant.then.details})" if entrant.then.details else ""
    return f"{entrant.then.loss_spec.title}{details} after step {entrant.then.step}"


#: What is told of one entrant where all else of the entrants is as it was.
_TOLD_ALONE: Mapping[str, tuple[str, Callable[[EntrantSpec], str]]] = {
    "learning_rate": ("learning rate", _rate),
    "then": ("switch", _switch),
}
