"""The form as a whole: filled from a spec and read as one again. Nothing else does either."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.bounds import Bounds, as_text, number_in, quoted
from core.data import CLASSES, ROWS, VALIDATION_FRACTION, DataSpec, StressSpec
from core.errors import SpecError
from core.example import SPEC
from core.losses import Task
from core.records import Experiment
from core.spec import (
    HIDDEN_LAYERS,
    LEARNING_RATE,
    SEEDS,
    EntrantSpec,
    ExperimentSpec,
    Protocol,
    Scheme,
)
from core.spec import takes_weights as takes_weights_by_hand
from pages.parts.form import draft, entrants, losses, stress
from pages.parts.form.draft import Draft
from pages.parts.shell.session import DRAWN, FILLED_FROM

#: What the form starts with: what the recorded examples show.
DEFAULT = SPEC
#: So many seeds show something and do not take long.
PRESET_SEEDS = 5
#: More classes get at least so many rows each.
_ROWS_OF_A_CLASS = 50
#: What weights by hand are before a person says others: of a neuron that is sure, and often wrong.
_WEIGHT = 2.0
#: The size of a hidden layer that is added.
_NEXT_SIZE = 64


def fill(page: str, spec: ExperimentSpec) -> None:
    """Set the form to what the spec says, ``page``'s entrants among it; can be undone."""
    draft.remember()
    put(page, spec)


def put(page: str, spec: ExperimentSpec) -> None:
    now = draft.current()
    now.update(_shared(spec))
    now["protocol"][page] = spec.training.protocol
    now["listed_seeds"][page] = [] if _has_fields(page, spec.seeds) else list(spec.seeds)
    if page == "compare":
        now["seed_count"] = as_text(len(spec.seeds))
    now["branches"][page] = spec if spec.branched_from else None
    entrants.put(now, page, spec)
    now["edited"][page] = None


def _has_fields(page: str, seeds: tuple[int, ...]) -> bool:
    """Whether the fields of the page can say these seeds: one, or for a race some in a row."""
    return seeds == tuple(range(seeds[0], seeds[0] + (len(seeds) if page == "compare" else 1)))


def begin(page: str, shown: Experiment | None) -> None:
    """Fill the form when the session begins, and when an experiment is opened the first time.

    Later the form keeps what was edited since, also while other pages show other experiments.
    """
    st.session_state[DRAWN] = page
    if not draft.exists():
        draft.replace(first())
    _hear()
    filled = st.session_state.setdefault(FILLED_FROM, [])
    if shown is not None and (page, shown.id) not in filled:
        filled.append((page, shown.id))
        put(page, shown.spec)


def first() -> Draft:
    """The draft that a session starts with; values as their widgets have them."""
    numbers = itertools.count(1)
    lists = entrants.first_lists(numbers)
    return _shared(DEFAULT) | {
        "entrants": lists,
        "numbered": next(numbers),
        "edited": {"train": None, "compare": None},
        "seed_count": as_text(PRESET_SEEDS),
        # By page; the seeds only where the page's fields can't say them.
        "protocol": dict.fromkeys(("train", "compare"), Protocol.SAME_RATE),
        "listed_seeds": {"train": [], "compare": []},
        # The branch that filled the page's form: while all is as it was, it is that branch.
        "branches": {"train": None, "compare": None},
        # What a training that rests is to go on with.
        # The loss to branch to, and of which entrant of which experiment it was chosen.
        "branch": losses.drafted_loss(EntrantSpec(loss="cross_entropy")) | {"of": None},
        "explained": {
            "entrant": losses.drafted(EntrantSpec(loss="cross_entropy"), 0),
            "dataset": "iris",
        },
    }


def _shared(spec: ExperimentSpec) -> Draft:
    """What training and racing have in common. Numbers that are typed are text."""
    sizes = spec.network.hidden_sizes
    room = range(int(HIDDEN_LAYERS.high))
    return {
        "dataset": spec.data.name,
        "rows": as_text(spec.data.rows),
        "noise": float(spec.data.noise),
        "classes": as_text(spec.data.classes),
        "classes_with_rows": as_text(spec.data.classes),
        "stress": stress.drafted(spec.data.stress),
        "validation_fraction": as_text(spec.data.validation_fraction),
        "layers": len(sizes),
        "sizes": {
            layer: as_text(sizes[layer] if layer < len(sizes) else _NEXT_SIZE) for layer in room
        },
        "activation": spec.network.activation,
        "scheme": spec.network.start.scheme,
        "head_factor": float(spec.network.start.head_factor),
        "weights": _weights(spec.network.start.weights),
        "optimizer": spec.optimizer.name,
        "learning_rate": as_text(spec.optimizer.learning_rate),
        "momentum": as_text(spec.optimizer.momentum),
        "weight_decay": as_text(spec.optimizer.weight_decay),
        "batch_size": spec.training.batch_size,
        "epochs": as_text(spec.training.epochs),
        "device": spec.training.device,
        "seed": as_text(spec.seeds[0]),
    }


def _hear() -> None:
    """Take in what widgets were changed to; where that are more classes, give them rows."""
    draft.hear()
    now = draft.current()
    if now["classes"] != now["classes_with_rows"]:
        now["classes_with_rows"] = now["classes"]
        rows, classes = number_in(now["rows"]), number_in(now["classes"])
        if isinstance(rows, int) and isinstance(classes, int) and classes <= CLASSES.high:
            now["rows"] = as_text(max(rows, _ROWS_OF_A_CLASS * classes))


def _weights(weights: Sequence[float]) -> dict[str, str]:
    """By name, the bias last in a spec; a weight that it lacks as it would begin."""
    *of_features, bias = weights or (_WEIGHT,)
    named = {"w1": _WEIGHT, "w2": _WEIGHT} | dict(zip(("w1", "w2"), of_features, strict=False))
    return {name: as_text(value) for name, value in (named | {"b": bias}).items()}


def task() -> Task:
    return data_spec().entry.task


def data_spec() -> DataSpec:
    """The data as the form has it; a number that is being mended counts as the nearest allowed."""
    data = DataSpec(
        name=draft.value("dataset"),
        rows=int(_nearest(ROWS, draft.value("rows"))),
        classes=int(_nearest(CLASSES, draft.value("classes"))),
        validation_fraction=_nearest(VALIDATION_FRACTION, draft.value("validation_fraction")),
    )
    stressed = StressSpec.model_validate(stress.described(data.entry))
    return data.model_copy(update={"stress": stressed})


def learning_rate() -> float:
    """As the form has it; one that is being mended counts as the nearest allowed."""
    return _nearest(LEARNING_RATE, draft.value("learning_rate"))


def batch_size() -> int:
    """As it was set, or all rows where there are fewer: other data may be but a visit."""
    size: int = draft.value("batch_size")
    return min(size, data_spec().train_rows)


def takes_weights() -> bool:
    """Whether weights by hand fit the data and the network that the form has."""
    return not draft.value("layers") and takes_weights_by_hand(data_spec().entry)


def scheme() -> Scheme:
    """As it was set, or the default where weights by hand do not fit: that may be but a visit."""
    scheme: Scheme = draft.value("scheme")
    return Scheme.DEFAULT if scheme is Scheme.BY_HAND and not takes_weights() else scheme


def head_factor() -> float:
    """As it was set, or 1 where weights are by hand, which are taken as they are."""
    factor: float = draft.value("head_factor")
    return 1.0 if scheme() is Scheme.BY_HAND else factor


def weight_paths() -> list[tuple[str, str]]:
    """Where the draft has the weight of each feature of the data, and the bias."""
    features = data_spec().entry.features
    return [("weights", name) for name in (*("w1", "w2")[:features], "b")]


def _nearest(bounds: Bounds, text: str) -> float:
    number = number_in(text)
    return bounds.low if isinstance(number, str) else min(max(bounds.low, number), bounds.high)


# ------------------------------------------------------------------ reading


def read_training() -> ExperimentSpec:
    """The training that the form describes; ``SpecError`` says what is wrong with it."""
    _hear()
    return _read(
        "train", _entrants("train"), draft.value("listed_seeds", "train") or [_number("seed")]
    )


def read_race() -> ExperimentSpec:
    """The race that the form describes; ``SpecError`` says what is wrong with it."""
    _hear()
    described = _entrants("compare")
    if len(described) < 2:
        raise SpecError(f"A race needs two entrants or more; there was {len(described)}.")
    return _read("compare", described, draft.value("listed_seeds", "compare") or _seeds_in_a_row())


def _seeds_in_a_row() -> list[int | float | str]:
    first, count = _number("seed"), _number("seed_count")
    if not isinstance(count, int) or not SEEDS.low <= count <= SEEDS.high:
        raise SpecError(
            f"{SEEDS.label} was {quoted(count)}; allowed is a whole number from {SEEDS}."
        )
    return [first + place for place in range(count)] if isinstance(first, int) else [first]


def _number(*path: draft.Part) -> int | float | str:
    return number_in(draft.value(*path))


def _entrants(page: str) -> list[dict[str, Any]]:
    drafted: list[dict[str, Any]] = draft.value("entrants", page, entrants.kind(task()))
    return [losses.described(each) for each in drafted]


def _read(
    page: str, described: Sequence[dict[str, Any]], seeds: Sequence[int | float | str]
) -> ExperimentSpec:
    now = draft.current()
    spec = ExperimentSpec.parse(
        {
            "data": {
                "name": now["dataset"],
                "rows": _number("rows"),
                "noise": now["noise"],
                "classes": _number("classes"),
                "stress": stress.described(data_spec().entry),
                "validation_fraction": _number("validation_fraction"),
            },
            "network": {
                "hidden_sizes": [_number("sizes", layer) for layer in range(now["layers"])],
                "activation": now["activation"],
                "start": _read_start(),
            },
            "optimizer": {
                "name": now["optimizer"],
                "learning_rate": _number("learning_rate"),
                "momentum": _number("momentum"),
                "weight_decay": _number("weight_decay"),
            },
            "training": {
                "batch_size": batch_size(),
                "epochs": _number("epochs"),
                "device": now["device"],
                "protocol": now["protocol"][page],
            },
            "entrants": described,
            "seeds": seeds,
        }
    )
    branch: ExperimentSpec | None = now["branches"][page]
    is_branch = branch is not None and spec == branch.model_copy(update={"branched_from": None})
    return branch if branch is not None and is_branch else spec


def _read_start() -> dict[str, Any]:
    start = {"scheme": scheme(), "head_factor": head_factor()}
    if scheme() is not Scheme.BY_HAND:
        return start
    return start | {"weights": [_number(*path) for path in weight_paths()]}


# ------------------------------------------------------------------ buttons


def draw_defaults(page: str) -> None:
    """Put every setting back, or take the last large change back."""
    seeds = range(PRESET_SEEDS if page == "compare" else 1)
    st.button(
        "Defaults",
        icon=":material/restart_alt:",
        type="tertiary",
        on_click=fill,
        args=(page, DEFAULT.model_copy(update={"seeds": tuple(seeds)})),
        help="Put every setting back.",
    )
    st.button(
        "Undo",
        icon=":material/undo:",
        type="tertiary",
        disabled=not draft.can_undo(),
        on_click=draft.undo,
        help="Take back the last preset, removal or opened file.",
    )
