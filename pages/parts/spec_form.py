"""Widgets to ``ExperimentSpec``: the only place that does it; ``loss_form`` has the losses'.

Every widget's value lives under its ``Field``; ``fill`` writes them all from a spec and
``read`` makes a spec of them again, checked on the server whatever the browser sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import streamlit as st

from core.bounds import Bounds
from core.data import DATASETS, split_sizes
from core.errors import SpecError
from core.losses import LOSSES, RIVALS, Task, fitting
from core.records import Experiment
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
    ExperimentSpec,
    OptimizerName,
    Protocol,
)
from core.data import NOISE, ROWS, DataSpec
from pages.parts import layout, loss_form
from pages.parts.session import FILLED_FROM

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
_OFFERED = (Protocol.SAME_RATE, Protocol.BEST_RATE, Protocol.MATCHED_GRADIENTS)
_DEVICE_TITLES = {
    DeviceName.AUTO: "Fastest here",
    DeviceName.CUDA: "CUDA",
    DeviceName.MPS: "MPS",
    DeviceName.CPU: "CPU",
}


#: What the form starts with: trains well at the first click, rivals beside it.
DEFAULT = ExperimentSpec(losses=RIVALS)
#: So many seeds show something and do not take long.
PRESET_SEEDS = 5
_PRESET_RACERS = 3
_PROTOCOL_TITLES = {
    Protocol.SAME_RATE: "Same learning rate for all",
    Protocol.BEST_RATE: "Each its own best learning rate",
    Protocol.MATCHED_GRADIENTS: "First gradients of one size",
    Protocol.ONE_FUNCTION: "CE and BCE as one function of p",
}


class Field(StrEnum):
    """Session keys of the form's widgets."""

    DATASET = "form_dataset"
    ROWS = "form_rows"
    NOISE = "form_noise"
    LOSS = "form_loss"
    AGAINST = "form_against"
    RACERS = "form_racers"
    SEED_COUNT = "form_seed_count"
    PROTOCOL = "form_protocol"
    LAYERS = "form_layers"
    ACTIVATION = "form_activation"
    OPTIMIZER = "form_optimizer"
    LEARNING_RATE = "form_learning_rate"
    MOMENTUM = "form_momentum"
    WEIGHT_DECAY = "form_weight_decay"
    BATCH_SIZE = "form_batch_size"
    EPOCHS = "form_epochs"
    SEED = "form_seed"
    DEVICE = "form_device"


def _size_key(layer: int) -> str:
    return f"form_hidden_size_{layer}"


def fill(spec: ExperimentSpec) -> None:
    """Set every widget to what the spec says. Only before the widgets are drawn."""
    sizes = spec.network.hidden_sizes
    st.session_state.update(
        {
            Field.DATASET: spec.data.name,
            Field.ROWS: spec.data.rows,
            Field.NOISE: spec.data.noise,
            Field.LOSS: spec.losses[0],
            Field.AGAINST: len(spec.losses) > 1,
            Field.RACERS: list(spec.losses) if len(spec.losses) > 1 else _preset(spec.dataset.task),
            Field.SEED_COUNT: len(spec.seeds) if len(spec.seeds) > 1 else PRESET_SEEDS,
            Field.PROTOCOL: spec.training.protocol,
            Field.LAYERS: len(sizes),
            Field.ACTIVATION: spec.network.activation,
            Field.OPTIMIZER: spec.optimizer.name,
            Field.LEARNING_RATE: spec.optimizer.learning_rate,
            Field.MOMENTUM: spec.optimizer.momentum,
            Field.WEIGHT_DECAY: spec.optimizer.weight_decay,
            Field.BATCH_SIZE: spec.training.batch_size,
            Field.EPOCHS: spec.training.epochs,
            Field.SEED: spec.seeds[0],
            Field.DEVICE: spec.training.device,
        }
    )
    loss_form.fill(spec)
    for layer in range(int(HIDDEN_LAYERS.high)):
        st.session_state[_size_key(layer)] = sizes[layer] if layer < len(sizes) else 64


def fill_once(shown: Experiment | None) -> None:
    """Fill the form when the session begins, and when another experiment is opened."""
    if shown is not None and st.session_state.get(FILLED_FROM) != shown.id:
        st.session_state[FILLED_FROM] = shown.id
        fill(shown.spec)
    elif Field.DATASET not in st.session_state:
        fill(DEFAULT)


def read() -> ExperimentSpec:
    """The training that the widgets describe; ``SpecError`` says what is wrong with it."""
    return _read(_picked_and_rivals(), [st.session_state[Field.SEED]], Protocol.SAME_RATE)


def read_race() -> ExperimentSpec:
    """The race that the widgets describe; ``SpecError`` says what is wrong with it."""
    state = st.session_state
    racers = state[Field.RACERS]
    if len(racers) < 2:
        picked = LOSSES[racers[0]].title if racers else "none"
        raise SpecError(f"A race needs two losses or more; picked was {picked}.")
    count, first = state[Field.SEED_COUNT] or 0, state[Field.SEED] or 0
    try:
        SEEDS.check(count)
    except ValueError as error:
        raise SpecError(str(error)) from error
    return _read(racers, range(first, first + count), state[Field.PROTOCOL])


def _read(losses: Sequence[str], seeds: Iterable[int], protocol: Protocol) -> ExperimentSpec:
    state = st.session_state
    return ExperimentSpec.parse(
        {
            "data": _data_values(),
            "network": {
                "hidden_sizes": [state[_size_key(i)] for i in range(state[Field.LAYERS])],
                "activation": state[Field.ACTIVATION],
            },
            "optimizer": {
                "name": state[Field.OPTIMIZER],
                "learning_rate": state[Field.LEARNING_RATE],
                "momentum": state[Field.MOMENTUM],
                "weight_decay": state[Field.WEIGHT_DECAY],
            },
            "training": {
                "batch_size": state[Field.BATCH_SIZE],
                "epochs": state[Field.EPOCHS],
                "device": state[Field.DEVICE],
                "protocol": protocol,
            },
            "losses": losses,
            **loss_form.read(losses),
            "seeds": list(seeds),
        }
    )


def _data_values() -> dict[str, Any]:
    state = st.session_state
    return {
        "name": state[Field.DATASET],
        "rows": state[Field.ROWS],
        "noise": state[Field.NOISE],
    }


def _task() -> Task:
    return DATASETS[st.session_state[Field.DATASET]].task


def _picked_and_rivals() -> list[str]:
    picked = st.session_state[Field.LOSS]
    return [picked, *rivals(picked, _task())] if st.session_state[Field.AGAINST] else [picked]


def rivals(picked: str, task: Task) -> tuple[str, ...]:
    """The losses among CrossEntropy, BCE and MSE that fit the task, but for the picked one."""
    return tuple(key for key in RIVALS if key != picked and task in LOSSES[key].forms)


def draw() -> None:
    """The controls of one training, from the data to the device."""
    _draw_data()
    _draw_loss()
    _draw_rest()


def draw_race() -> None:
    """The controls of a race: several losses, several seeds, and the rest as for one."""
    _draw_data()
    _draw_racers()
    _draw_rest()


def _draw_rest() -> None:
    _draw_network()
    _draw_training()
    layout.fold("Device and more", _draw_more, icon=":material/tune:")


def _draw_data() -> None:
    st.selectbox(
        "Data set",
        list(DATASETS),
        key=Field.DATASET,
        format_func=lambda key: DATASETS[key].title,
        on_change=_keep_form_fitting,
        persist_state="session",
    )
    entry = DATASETS[st.session_state[Field.DATASET]]
    train_rows, val_rows = split_sizes(_data_spec())
    target = f"{entry.outputs} classes" if entry.task.is_classification else "one number"
    held_out = f" + {val_rows:,} held out" if val_rows else ""
    st.caption(
        f"{entry.about.capitalize()}. {entry.features} features, {target}, "
        f"{train_rows:,}{held_out} rows."
    )
    if entry.noisy:
        _number("Rows", Field.ROWS, ROWS, step=50, on_change=_keep_form_fitting)
        st.slider(
            "Noise", 0.0, float(NOISE.high), step=0.05, key=Field.NOISE, persist_state="session"
        )


def _data_spec() -> DataSpec:
    # While a field is being corrected the caption counts rows as if it were not touched.
    values = _data_values()
    values["rows"] = min(max(int(ROWS.low), values["rows"] or 0), int(ROWS.high))
    return DataSpec(**values)


def _keep_form_fitting() -> None:
    """After a change of data: another loss or a smaller batch where the old can't be."""
    state = st.session_state
    fits = [loss.key for loss in fitting(_task())]
    if state[Field.LOSS] not in fits:
        state[Field.LOSS] = fits[0]
    racers = [key for key in state[Field.RACERS] if key in fits]
    state[Field.RACERS] = racers if len(racers) > 1 else _preset(_task())
    loss_form.keep_fitting(DATASETS[state[Field.DATASET]].outputs)
    train_rows, _ = split_sizes(_data_spec())
    state[Field.BATCH_SIZE] = min(state[Field.BATCH_SIZE], train_rows)


def _preset(task: Task) -> list[str]:
    """CrossEntropy, BCE and MSE as far as they fit, and others where that leaves one."""
    fits = [loss.key for loss in fitting(task)]
    rivals = [key for key in fits if key in RIVALS]
    return rivals if len(rivals) > 1 else fits[:_PRESET_RACERS]


def _draw_racers() -> None:
    racers = st.session_state[Field.RACERS]
    loss_form.draw_choice("Losses in the race", racers, _task(), _toggle)
    loss_form.draw_settings(racers, _task())
    offered = [p for p in Protocol if p in (*_OFFERED, st.session_state[Field.PROTOCOL])]
    st.selectbox(
        "Fairness",
        offered,
        key=Field.PROTOCOL,
        format_func=_PROTOCOL_TITLES.__getitem__,
        persist_state="session",
        help="Starts and batches are always the same. What else is held equal?",
    )
    _number(
        "Seeds",
        Field.SEED_COUNT,
        SEEDS,
        help="Each loss is trained from so many starts. One shows nothing.",
    )


def _toggle(key: str) -> None:
    racers = st.session_state[Field.RACERS]
    kept = [other for other in LOSSES if (other in racers) != (other == key)]
    st.session_state[Field.RACERS] = kept


def _pick(key: str) -> None:
    st.session_state[Field.LOSS] = key


def _draw_loss() -> None:
    task = _task()
    loss_form.draw_choice("Loss function", [st.session_state[Field.LOSS]], task, _pick)
    others = [LOSSES[key].title for key in rivals(st.session_state[Field.LOSS], task)]
    st.toggle(
        f"Against {' and '.join(others)}" if others else "No rival fits this data",
        key=Field.AGAINST,
        disabled=not others,
        help="Trains the rivals beside it: same starting weights, same batches, one chart.",
        persist_state="session",
    )
    loss_form.draw_settings(_picked_and_rivals(), task)


def _draw_network() -> None:
    low, high = int(HIDDEN_LAYERS.low), int(HIDDEN_LAYERS.high)
    st.slider("Hidden layers", low, high, key=Field.LAYERS, persist_state="session")
    layers = st.session_state[Field.LAYERS]
    if layers:
        with st.grid(2, min_column_width=120, gap="small"):
            for layer in range(layers):
                _number(f"Size {layer + 1}", _size_key(layer), HIDDEN_SIZE, step=8)


def _draw_training() -> None:
    rows, _ = split_sizes(_data_spec())
    with st.grid(2, min_column_width=120, gap="small"):
        _choice("Activation", Field.ACTIVATION, _ACTIVATION_TITLES)
        _choice("Optimizer", Field.OPTIMIZER, _OPTIMIZER_TITLES)
        st.select_slider(
            "Learning rate",
            sorted({*LEARNING_RATES, st.session_state[Field.LEARNING_RATE]}),
            key=Field.LEARNING_RATE,
            format_func=lambda rate: f"{rate:g}",
            persist_state="session",
        )
        st.select_slider(
            "Batch size",
            _batch_sizes(rows),
            key=Field.BATCH_SIZE,
            format_func=lambda size: f"{size:,} (full)" if size == rows else f"{size:,}",
            persist_state="session",
        )
        _number("Epochs", Field.EPOCHS, EPOCHS, step=10)
        _number("Seed", Field.SEED, SEED, help="Same seed: same split, weights and batches.")


def _batch_sizes(rows: int) -> list[int]:
    """Powers of two up to the full batch, and what is set now."""
    powers = [2**i for i in range(int(BATCH_SIZE.high).bit_length()) if 2**i < rows]
    return sorted({*powers, rows, st.session_state[Field.BATCH_SIZE]})


def _draw_more() -> None:
    _choice("Device", Field.DEVICE, _DEVICE_TITLES)
    _number("Weight decay", Field.WEIGHT_DECAY, WEIGHT_DECAY, step=0.001, format="%g")
    _number(
        "Momentum",
        Field.MOMENTUM,
        MOMENTUM,
        step=0.05,
        disabled=st.session_state[Field.OPTIMIZER] != OptimizerName.MOMENTUM,
        help="Read by SGD with momentum.",
    )


def _choice(label: str, key: str, titles: dict[Any, str]) -> None:
    st.selectbox(
        label, list(titles), key=key, format_func=titles.__getitem__, persist_state="session"
    )


def _number(
    label: str, key: str, bounds: Bounds, *, step: float = 1, help: str = "", **options: Any
) -> None:
    """A number field. It lets any number through: the spec's sentence says more than a limit."""
    st.number_input(
        label,
        step=step,
        key=key,
        help=f"{help} {bounds}.".strip().capitalize(),
        persist_state="session",
        **options,
    )
