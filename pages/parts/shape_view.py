"""The shape of losses: value and gradients along the prediction, and over three classes."""

from __future__ import annotations

import streamlit as st

from core.anatomy.choice import Axis, Choice, Shape, Simplex
from core.data import DATASETS
from core.figures import QUANTITIES, shape_figure, simplex_figure
from core.losses import CUSTOM, LOSSES, RIVALS, LossSpec, Task
from pages.parts import session, shape_slider
from pages.parts.live_chart import live_chart

#: What the target can be; of three classes the first is the true one.
_TARGETS = {
    Task.BINARY: (0.0, 1.0),
    Task.MULTICLASS: (1.0,),
    Task.REGRESSION: tuple(number / 2 for number in range(-6, 7)),
}
#: What it is at first.
_TARGET = 1.0


def draw(choice: Choice, dataset: str) -> None:
    st.fragment(session.told()(_draw_shapes))(choice, DATASETS[dataset].task)


def _draw_shapes(choice: Choice, task: Task) -> None:
    chosen = _draw_ticks(choice, task)
    axis = _draw_axis(task)
    log_y = st.toggle("Log axis", key="shape_log_y")
    targets = _TARGETS[task]
    found: list[tuple[LossSpec, list[Shape | None]]] = []
    without = []
    for each in chosen:
        shapes = session.ask("shapes", each, task, axis, targets)
        if any(shapes):
            found.append((each.spec, shapes))
        else:
            without.append(each.spec.title)
    if without:
        st.caption(
            f"{', '.join(without)}: the outputs are not probabilities; the shape over the logit "
            "can be seen."
        )
    if not found:
        return
    shape_slider.draw(found, axis, targets, targets.index(_TARGET))
    with st.grid(len(QUANTITIES), min_column_width=300, gap="small"):
        for quantity, title in QUANTITIES.items():
            with st.container():
                st.markdown(f"**{title}**")
                live_chart(
                    shape_figure(found, quantity, axis, targets.index(_TARGET), log_y),
                    key=f"shape_{quantity}",
                    label=f"{title} of {', '.join(spec.title for spec, _ in found)} by {axis}",
                    steps=0,
                    status="shown",
                    height=320,
                    follows_slider=True,
                )
    if task is Task.MULTICLASS:
        _draw_simplices(chosen)


def _draw_ticks(choice: Choice, task: Task) -> list[Choice]:
    fitting = [
        key
        for key, loss in LOSSES.items()
        if task in loss.forms and (key != CUSTOM or choice.key == CUSTOM)
    ]
    rivals = [key for key in RIVALS if key in fitting]
    ticked = st.pills(
        "Losses",
        fitting,
        selection_mode="multi",
        default=list(dict.fromkeys([choice.key, *rivals])),
        format_func=lambda key: LOSSES[key].title,
        key=f"shape_losses_{task}_{choice.key}",
    )
    return [
        choice if key == choice.key else Choice(key)
        for key in fitting
        if key in ticked or key == choice.key
    ]


def _draw_axis(task: Task) -> Axis:
    if task is Task.REGRESSION:
        return Axis.PREDICTION
    return st.segmented_control(
        "Over",
        [Axis.PROBABILITY, Axis.LOGIT],
        default=Axis.PROBABILITY,
        required=True,
        key="shape_axis",
        format_func=lambda axis: axis.value.capitalize(),
    )


def _draw_simplices(chosen: list[Choice]) -> None:
    """The losses over all answers to three classes."""
    true_class = st.segmented_control(
        "True class", [0, 1, 2], default=0, required=True, key="simplex_class"
    )
    maps: list[tuple[LossSpec, Simplex]] = [
        (each.spec, found)
        for each in chosen
        if (found := session.ask("simplex", each, true_class)) is not None
    ]
    with st.grid(min(3, max(1, len(maps))), min_column_width=280, gap="small"):
        for spec, found in maps:
            with st.container():
                st.markdown(f"**{spec.title}** over three classes")
                live_chart(
                    simplex_figure(spec, found),
                    key=f"simplex_{spec.key}",
                    label=f"{spec.title} over all probabilities of three classes",
                    steps=0,
                    status="shown",
                    height=320,
                )
