"""The form's controls, but for those of the entrants: data, network, training, device."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from core.bounds import Bounds
from core.data import DATASETS, NOISE, ROWS, VALIDATION_FRACTION
from core.spec import (
    BATCH_SIZE,
    EPOCHS,
    HIDDEN_LAYERS,
    HIDDEN_SIZE,
    LEARNING_RATES,
    MOMENTUM,
    SEED,
    SEEDS,
    WEIGHT_DECAY,
    Activation,
    DeviceName,
    OptimizerName,
    Protocol,
    Scheme,
)
from pages.parts.form import draft, entrants, whole
from pages.parts.form.draft import Form, Part
from pages.parts.shell import layout

_OPTIMIZER_TITLES = {
    OptimizerName.SGD: "SGD",
    OptimizerName.MOMENTUM: "SGD with momentum",
    OptimizerName.ADAM: "Adam",
    OptimizerName.ADAMW: "AdamW",
}
_ACTIVATION_TITLES = {
    Activation.RELU: "ReLU",
    Activation.TANH: "Tanh",
    Activation.SIGMOID: "Sigmoid",
    Activation.GELU: "GELU",
}
_SCHEME_TITLES = {
    Scheme.DEFAULT: "PyTorch's default",
    Scheme.XAVIER: "Xavier",
    Scheme.KAIMING: "Kaiming",
    Scheme.ZEROS: "Zeros",
}
_HEAD_FACTORS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
_DEVICE_TITLES = {
    DeviceName.AUTO: "Fastest here",
    DeviceName.CUDA: "CUDA",
    DeviceName.MPS: "MPS",
    DeviceName.CPU: "CPU",
}
_PROTOCOL_TITLES = {
    Protocol.SAME_RATE: "Same learning rate for all",
    Protocol.BEST_RATE: "Each its own best learning rate",
    Protocol.MATCHED_GRADIENTS: "First gradients of one size",
    Protocol.ONE_FUNCTION: "CE and BCE as one function of p",
}
#: What stands in the list only where it is set already, as it fits two losses alone.
_RARE = Protocol.ONE_FUNCTION


def draw_training(form: Form) -> None:
    """The controls of one training, from the data to the device."""
    _draw_data(form)
    entrants.draw_for_training(form, whole.task(), draft.value("learning_rate"))
    _draw_rest(form)


def draw_race(form: Form) -> None:
    """The controls of a race: several entrants, several seeds, and the rest as for one."""
    _draw_data(form)
    entrants.draw_for_race(form, whole.task(), draft.value("learning_rate"))
    _draw_fairness(form)
    _draw_rest(form)


def _draw_rest(form: Form) -> None:
    _draw_network(form)
    _draw_optimization(form)
    layout.fold("Device and more", partial(_draw_more, form), icon=":material/tune:")


def _draw_data(form: Form) -> None:
    form.choice(
        "Data set",
        list(DATASETS),
        "dataset",
        then=_keep_batch_fitting,
        format_func=lambda key: DATASETS[key].title,
    )
    data = whole.data_spec()
    entry = data.entry
    target = f"{entry.outputs} classes" if entry.task.is_classification else "one number"
    held_out = f" + {data.validation_rows:,} held out" if data.validation_rows else ""
    st.caption(
        f"{entry.about.capitalize()}. {entry.features} features, {target}, "
        f"{data.train_rows:,}{held_out} rows."
    )
    if entry.noisy:
        _number(form, "Rows", "rows", ROWS, step=50, then=_keep_batch_fitting)
        form.slider("Noise", 0.0, float(NOISE.high), "noise", step=0.05)


def _keep_batch_fitting() -> None:
    """After a change of the rows: a smaller batch where the old one can't be."""
    fitting = min(draft.value("batch_size"), whole.data_spec().train_rows)
    draft.change(fitting, "batch_size")


def _draw_fairness(form: Form) -> None:
    offered = [p for p in Protocol if p is not _RARE or draft.value("protocol") is _RARE]
    _choice(
        form,
        "Fairness",
        "protocol",
        {each: _PROTOCOL_TITLES[each] for each in offered},
        help="Starts and batches are always the same. What else is held equal?",
    )
    _number(
        form,
        "Seeds",
        "seed_count",
        SEEDS,
        help="Each entrant is trained from so many starts. One shows nothing.",
    )


def _draw_network(form: Form) -> None:
    low, high = int(HIDDEN_LAYERS.low), int(HIDDEN_LAYERS.high)
    form.slider("Hidden layers", low, high, "layers")
    layers = draft.value("layers")
    if layers:
        with st.grid(2, min_column_width=120, gap="small"):
            for layer in range(layers):
                _number(form, f"Size {layer + 1}", ("sizes", layer), HIDDEN_SIZE, step=8)
    with st.grid(2, min_column_width=120, gap="small"):
        _choice(form, "Activation", "activation", _ACTIVATION_TITLES)
        _choice(
            form,
            "Start",
            "scheme",
            _SCHEME_TITLES,
            help="The weights before training, the same for all entrants of a seed. With zeros "
            "a hidden layer of ReLU never learns.",
        )
    form.select_slider(
        "Start: factor on the head's weights",
        sorted({*_HEAD_FACTORS, draft.value("head_factor")}),
        "head_factor",
        format_func=lambda factor: f"{factor:g}",
        help="1 leaves them as they are. A large factor makes the network start sure and wrong.",
    )


def _draw_optimization(form: Form) -> None:
    rows = whole.data_spec().train_rows
    _choice(form, "Optimizer", "optimizer", _OPTIMIZER_TITLES)
    with st.grid(2, min_column_width=120, gap="small"):
        form.select_slider(
            "Learning rate",
            sorted({*LEARNING_RATES, draft.value("learning_rate")}),
            "learning_rate",
            format_func=lambda rate: f"{rate:g}",
        )
        form.select_slider(
            "Batch size",
            _batch_sizes(rows),
            "batch_size",
            format_func=lambda size: f"{size:,} (full)" if size == rows else f"{size:,}",
        )
        _number(form, "Epochs", "epochs", EPOCHS, step=10)
        _number(form, "Seed", "seed", SEED, help="Same seed: same split, weights and batches.")


def _batch_sizes(rows: int) -> list[int]:
    """Powers of two up to the full batch, and what is set now."""
    powers = [2**i for i in range(int(BATCH_SIZE.high).bit_length()) if 2**i < rows]
    return sorted({*powers, rows, draft.value("batch_size")})


def _draw_more(form: Form) -> None:
    _choice(form, "Device", "device", _DEVICE_TITLES)
    _number(
        form,
        "Share held out",
        "validation_fraction",
        VALIDATION_FRACTION,
        step=0.05,
        then=_keep_batch_fitting,
        help="Of the rows, for validation.",
        format="%g",
    )
    _number(form, "Weight decay", "weight_decay", WEIGHT_DECAY, step=0.001, format="%g")
    _number(
        form,
        "Momentum",
        "momentum",
        MOMENTUM,
        step=0.05,
        help="Read by SGD with momentum.",
        disabled=draft.value("optimizer") != OptimizerName.MOMENTUM,
    )


# ------------------------------------------------------------------ kinds of controls


def _choice(
    form: Form, label: str, name: str, titles: Mapping[Any, str], help: str | None = None
) -> None:
    form.choice(label, list(titles), name, format_func=titles.__getitem__, help=help)


def _number(
    form: Form,
    label: str,
    path: str | tuple[Part, ...],
    bounds: Bounds,
    *,
    step: float = 1,
    help: str = "",
    **options: Any,
) -> None:
    """A number field. It lets any number through: the spec's sentence says more than a limit."""
    names = (path,) if isinstance(path, str) else path
    explained = f"{help} {bounds}.".strip().capitalize()
    form.number(label, *names, step=step, help=explained, **options)
