"""The form's controls, but for those of the entrants: data, network, training, device."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.bounds import Bounds, as_text, number_in
from core.data import CLASSES, DATASETS, NOISE, ROWS, VALIDATION_FRACTION
from core.spec import (
    ACTIVATION_TITLES,
    BATCH_SIZE,
    EPOCHS,
    HIDDEN_LAYERS,
    HIDDEN_SIZE,
    LEARNING_RATE,
    LEARNING_RATES,
    MOMENTUM,
    OPTIMIZER_TITLES,
    SEED,
    SEEDS,
    WEIGHT_DECAY,
    DeviceName,
    OptimizerName,
    Protocol,
    Scheme,
    by_hand_bounds,
)
from pages.parts.form import draft, entrants, stress, whole
from pages.parts.form.draft import Form, Part
from pages.parts.shell import layout
from pages.parts.shell.text import escaped, in_a_row

_SCHEME_TITLES = {
    Scheme.DEFAULT: "PyTorch's default",
    Scheme.XAVIER: "Xavier",
    Scheme.KAIMING: "Kaiming",
    Scheme.ZEROS: "Zeros",
    Scheme.BY_HAND: "By hand",
}
_NOT_BY_HAND = (
    "*By hand* is offered without hidden layers, for data with one or two features and two classes "
    "or a value: one neuron."
)
_NOISES = tuple(round(step * NOISE.high / 20, 2) for step in range(21))
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
_WEIGHTS_HELP = (
    "The network is w · x + b: of two classes the log-odds of class 1, else the predicted value. "
    "Two logits get half of it each, with opposite signs."
)
#: What stands in the list only where it is set already, as it fits two losses alone.
_RARE = Protocol.ONE_FUNCTION


def draw_training(form: Form) -> None:
    """The controls of one training, from the data to the device."""
    _draw_data(form)
    entrants.draw(form, whole.task(), whole.learning_rate())
    _draw_kept_protocol(form)
    _draw_rest(form)
    if draft.value("listed_seeds", form.page):
        _draw_listed_seeds(form, "One seed")


def draw_race(form: Form) -> None:
    """The controls of a race: several entrants, several seeds, and the rest as for one."""
    _draw_data(form)
    entrants.draw(form, whole.task(), whole.learning_rate())
    _draw_fairness(form)
    _draw_rest(form)


def _draw_rest(form: Form) -> None:
    _draw_network(form)
    _draw_optimization(form)
    layout.fold("Start, device and more", partial(_draw_more, form), icon=":material/tune:")


def _draw_data(form: Form) -> None:
    data = whole.data_spec()
    entry = data.entry
    target = f"{entry.outputs} classes" if entry.task.is_classification else "one number"
    features = "1 feature" if entry.features == 1 else f"{entry.features} features"
    form.choice(
        "Data set",
        list(DATASETS),
        "dataset",
        format_func=lambda key: DATASETS[key].title,
        help=escaped(f"{entry.about.capitalize()}. {features}, {target}."),
    )
    held_out = f" + {data.validation_rows:,} held out" if data.validation_rows else ""
    rows = "row" if data.train_rows == 1 else "rows"
    st.caption(escaped(f"{data.train_rows:,}{held_out} {rows}, {target}"))
    if entry.noisy:
        with _side_by_side():
            _number(form, "Rows", "rows", ROWS)
            form.select_slider(
                "Noise",
                _NOISES,
                "noise",
                format_func=as_text,
                help="How far the points are moved at random.",
            )
            if entry.most_outputs:
                _number(form, "Classes", "classes", CLASSES, help="One cloud of points each.")
    if entry.split:
        layout.fold(
            stress.TITLE,
            partial(stress.draw, form, entry.task),
            matters=not data.stress.is_none,
            icon=":material/bolt:",
        )


def _draw_fairness(form: Form) -> None:
    now = draft.value("protocol", form.page)
    offered = [each for each in Protocol if each is not _RARE or now is _RARE]
    _choice(
        form,
        "Fairness",
        ("protocol", form.page),
        {each: _PROTOCOL_TITLES[each] for each in offered},
        help="Starts and batches are always the same. What else is held equal?",
    )
    if draft.value("listed_seeds", form.page):
        _draw_listed_seeds(form, "Seeds in a row")
    else:
        _number(
            form,
            "Seeds",
            "seed_count",
            SEEDS,
            help="Each entrant is trained from so many starts. "
            "One can't tell a better loss from luck.",
        )


def _draw_listed_seeds(form: Form, instead: str) -> None:
    """The seeds of an opened experiment that the fields can't say, until a click drops them."""
    seeds = draft.value("listed_seeds", form.page)
    listed = escaped(in_a_row([str(each) for each in seeds]))
    st.caption(f"Trained from {len(seeds)} seeds: {listed}.")
    _draw_dropping(instead, [], ("listed_seeds", form.page))


def _draw_kept_protocol(form: Form) -> None:
    """What an opened experiment holds equal, where the page has no choice of it."""
    protocol = draft.value("protocol", form.page)
    if protocol is not Protocol.SAME_RATE:
        st.caption(f"Fairness, as on Compare: {_PROTOCOL_TITLES[protocol]}.")
        path = ("protocol", form.page)
        _draw_dropping(_PROTOCOL_TITLES[Protocol.SAME_RATE], Protocol.SAME_RATE, path)


def _draw_dropping(label: str, new: Any, path: tuple[Part, ...]) -> None:
    """A button that sets something that an opened experiment brought along."""
    st.button(label, icon=":material/close:", type="tertiary", on_click=_drop, args=(new, path))


def _drop(new: Any, path: tuple[Part, ...]) -> None:
    draft.remember()
    draft.change(new, *path)


def _draw_network(form: Form) -> None:
    layers = range(int(HIDDEN_LAYERS.low), int(HIDDEN_LAYERS.high) + 1)
    with st.grid(3, min_column_width=80, gap="small"):
        form.choice("Layers", layers, "layers", help="Hidden layers.")
        for layer in range(draft.value("layers")):
            path = ("sizes", layer)
            _number(form, f"Size {layer + 1:d}", path, HIDDEN_SIZE, help="Units of the layer.")


def _draw_optimization(form: Form) -> None:
    rows = whole.data_spec().train_rows
    with _side_by_side():
        _number(
            form,
            "Learning rate",
            "learning_rate",
            LEARNING_RATE,
            help="How far a step follows the gradient.",
        )
        form.choice(
            "Batch size",
            _batch_sizes(rows),
            "batch_size",
            fitted=whole.batch_size(),
            format_func=lambda size: f"{size:,} (full)" if size == rows else f"{size:,}",
            help="Training rows in one step.",
        )
    rate = whole.learning_rate()
    form.slid(
        "Learning rate, to slide",
        [as_text(each) for each in sorted({*LEARNING_RATES, rate})],
        as_text(rate),
        "learning_rate",
        label_visibility="collapsed",
        disabled=isinstance(number_in(draft.value("learning_rate")), str),
    )
    with _side_by_side():
        _number(form, "Epochs", "epochs", EPOCHS, help="Passes over all training rows.")
        if not draft.value("listed_seeds", form.page):
            _number(form, "Seed", "seed", SEED, help="Same seed: same split, weights and batches.")
        _choice(
            form,
            "Optimizer",
            "optimizer",
            OPTIMIZER_TITLES,
            help="How the gradient becomes a step.",
        )
        _choice(
            form,
            "Activation",
            "activation",
            ACTIVATION_TITLES,
            help="What each hidden unit makes of its weighted sum.",
        )


def _batch_sizes(rows: int) -> list[int]:
    """Powers of two up to the full batch."""
    powers = [2**i for i in range(int(BATCH_SIZE.high).bit_length()) if 2**i < rows]
    return [*powers, rows]


def _draw_more(form: Form) -> None:
    _draw_start(form)
    _choice(form, "Device", "device", _DEVICE_TITLES, help="What the training runs on.")
    _number(
        form,
        "Share held out",
        "validation_fraction",
        VALIDATION_FRACTION,
        help="Of the rows, for validation.",
    )
    _number(
        form,
        "Weight decay",
        "weight_decay",
        WEIGHT_DECAY,
        help="How strongly each step pulls the weights to 0.",
    )
    _number(
        form,
        "Momentum",
        "momentum",
        MOMENTUM,
        help="Read by SGD with momentum.",
        disabled=draft.value("optimizer") != OptimizerName.MOMENTUM,
    )


def _draw_start(form: Form) -> None:
    is_offered, is_by_hand = whole.takes_weights(), whole.scheme() is Scheme.BY_HAND
    form.choice(
        "Start",
        [each for each in Scheme if is_offered or each is not Scheme.BY_HAND],
        "scheme",
        fitted=whole.scheme(),
        format_func=_SCHEME_TITLES.__getitem__,
        help="The weights before training, the same for all entrants of a seed. With zeros "
        "a hidden layer of ReLU never learns.",
    )
    if not is_offered:
        st.caption(_NOT_BY_HAND)
    if is_by_hand:
        _draw_weights(form)
    form.select_slider(
        "Start: factor on the last layer's weights",
        _HEAD_FACTORS,
        "head_factor",
        fitted=whole.head_factor(),
        format_func=as_text,
        help="1 leaves them as they are, as it does weights by hand. A large factor makes the "
        "network start sure and wrong.",
        disabled=is_by_hand,
    )


def _draw_weights(form: Form) -> None:
    """A field for the weight of each feature and for the bias, all in a row."""
    paths = whole.weight_paths()
    with st.grid(len(paths), min_column_width=80, gap="small"):
        for path, bounds in zip(paths, by_hand_bounds(len(paths) - 1), strict=True):
            _number(form, escaped(bounds.label), path, bounds, help=_WEIGHTS_HELP)


# ------------------------------------------------------------------ kinds of controls


def _side_by_side() -> DeltaGenerator:
    """Two fields in a row."""
    return st.grid(2, min_column_width=110, gap="small")


def _choice(
    form: Form,
    label: str,
    path: str | tuple[Part, ...],
    titles: Mapping[Any, str],
    help: str | None = None,
) -> None:
    form.choice(label, list(titles), *_names(path), format_func=titles.__getitem__, help=help)


def _number(
    form: Form,
    label: str,
    path: str | tuple[Part, ...],
    bounds: Bounds,
    *,
    help: str = "",
    disabled: bool = False,
) -> None:
    """A number field. It lets any text through: the spec's sentence says more than a limit."""
    explained = f"{help} {escaped(str(bounds))}.".strip()
    with st.container():
        form.number(label, *_names(path), help=explained, disabled=disabled)
        for sentence in form.problems:
            if sentence.startswith(f"{bounds.label} was "):
                st.markdown(f":small[:red[:material/error: {escaped(sentence)}]]")


def _names(path: str | tuple[Part, ...]) -> tuple[Part, ...]:
    return (path,) if isinstance(path, str) else path
