"""The form as a whole: filled from a spec and read as one again. Nothing else does either."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import streamlit as st

from core.bounds import Bounds
from core.data import DATASETS, ROWS, VALIDATION_FRACTION, DataSpec
from core.errors import SpecError
from core.losses import RIVALS, Task
from core.records import Experiment
from core.spec import HIDDEN_LAYERS, SEEDS, EntrantSpec, ExperimentSpec, Protocol
from pages.parts.form import draft, entrants, losses
from pages.parts.form.draft import Draft
from pages.parts.shell.session import FILLED_FROM

#: What the form starts with: trains well at the first click, rivals beside it.
DEFAULT = ExperimentSpec(entrants=tuple(EntrantSpec(loss=key) for key in RIVALS))
#: So many seeds show something and do not take long.
PRESET_SEEDS = 5
#: The size of a hidden layer that is added.
_NEXT_SIZE = 64


def fill(page: str, spec: ExperimentSpec) -> None:
    """Set the form to what the spec says, ``page``'s entrants among it; can be undone."""
    draft.remember()
    _set(page, spec)


def _set(page: str, spec: ExperimentSpec) -> None:
    now = draft.current()
    now.update(_shared(spec))
    if page == "compare":
        now["seed_count"] = len(spec.seeds)
        now["protocol"] = spec.training.protocol
    else:
        now["against"] = len(spec.entrants) > 1
    entrants.put(now, page, spec)
    now["edited"][page] = None


def begin(page: str, shown: Experiment | None) -> None:
    """Fill the form when the session begins, and when an experiment is opened the first time.

    Later the form keeps what was edited since, also while other pages show other experiments.
    """
    if not draft.exists():
        draft.replace(_begin())
    if shown is not None and shown.id not in st.session_state.setdefault(FILLED_FROM, []):
        st.session_state[FILLED_FROM].append(shown.id)
        _set(page, shown.spec)


def _begin() -> Draft:
    """The draft that a session starts with; values as their widgets have them."""
    numbers = itertools.count(1)
    lists = entrants.first_lists(numbers)
    return _shared(DEFAULT) | {
        "entrants": lists,
        "numbered": next(numbers),
        "edited": {"train": None, "compare": None},
        "against": True,
        "seed_count": PRESET_SEEDS,
        "protocol": Protocol.SAME_RATE,
        "explained": {
            "entrant": losses.drafted(EntrantSpec(loss="cross_entropy"), 0),
            "dataset": "iris",
        },
    }


def _shared(spec: ExperimentSpec) -> Draft:
    """What training and racing have in common."""
    sizes = spec.network.hidden_sizes
    room = range(int(HIDDEN_LAYERS.high))
    return {
        "dataset": spec.data.name,
        "rows": spec.data.rows,
        "noise": float(spec.data.noise),
        "validation_fraction": float(spec.data.validation_fraction),
        "layers": len(sizes),
        "sizes": {layer: sizes[layer] if layer < len(sizes) else _NEXT_SIZE for layer in room},
        "activation": spec.network.activation,
        "scheme": spec.network.start.scheme,
        "head_factor": float(spec.network.start.head_factor),
        "optimizer": spec.optimizer.name,
        "learning_rate": float(spec.optimizer.learning_rate),
        "momentum": float(spec.optimizer.momentum),
        "weight_decay": float(spec.optimizer.weight_decay),
        "batch_size": spec.training.batch_size,
        "epochs": spec.training.epochs,
        "device": spec.training.device,
        "seed": spec.seeds[0],
    }


def task() -> Task:
    return DATASETS[draft.value("dataset")].task


def data_spec() -> DataSpec:
    """The data as the form has it; a number that is being mended counts as the nearest allowed."""
    return DataSpec(
        name=draft.value("dataset"),
        rows=int(_nearest(ROWS, draft.value("rows"))),
        validation_fraction=_nearest(VALIDATION_FRACTION, draft.value("validation_fraction")),
    )


def _nearest(bounds: Bounds, value: float | None) -> float:
    return min(max(bounds.low, value or 0), bounds.high)


# ------------------------------------------------------------------ reading


def read_training() -> ExperimentSpec:
    """The training that the form describes; ``SpecError`` says what is wrong with it."""
    described = _entrants("train")
    used = described if draft.value("against") else described[:1]
    return _read(used, [draft.value("seed")], Protocol.SAME_RATE)


def read_race() -> ExperimentSpec:
    """The race that the form describes; ``SpecError`` says what is wrong with it."""
    described = _entrants("compare")
    if len(described) < 2:
        raise SpecError(f"A race needs two entrants or more; there was {len(described)}.")
    count, first = draft.value("seed_count") or 0, draft.value("seed") or 0
    try:
        SEEDS.check(count)
    except ValueError as error:
        raise SpecError(str(error)) from error
    return _read(described, range(first, first + count), draft.value("protocol"))


def _entrants(page: str) -> list[dict[str, Any]]:
    drafted: list[dict[str, Any]] = draft.value("entrants", page, entrants.kind(task()))
    return [losses.described(each) for each in drafted]


def _read(
    described: Sequence[dict[str, Any]], seeds: Iterable[int], protocol: Protocol
) -> ExperimentSpec:
    now = draft.current()
    return ExperimentSpec.parse(
        {
            "data": {
                "name": now["dataset"],
                "rows": now["rows"],
                "noise": now["noise"],
                "validation_fraction": now["validation_fraction"],
            },
            "network": {
                "hidden_sizes": [now["sizes"][layer] for layer in range(now["layers"])],
                "activation": now["activation"],
                "start": {"scheme": now["scheme"], "head_factor": now["head_factor"]},
            },
            "optimizer": {
                "name": now["optimizer"],
                "learning_rate": now["learning_rate"],
                "momentum": now["momentum"],
                "weight_decay": now["weight_decay"],
            },
            "training": {
                "batch_size": now["batch_size"],
                "epochs": now["epochs"],
                "device": now["device"],
                "protocol": protocol,
            },
            "entrants": described,
            "seeds": list(seeds),
        }
    )


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
