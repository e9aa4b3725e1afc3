"""The shape of losses: value and gradients along the prediction, and over three classes."""

from __future__ import annotations

import streamlit as st

from core.anatomy.shapes import Shape, ShapeAxis, Simplex
from core.data import DATASETS
from core.figures import QUANTITIES, shape_figure, simplex_figure
from core.losses import CUSTOM, LOSSES, RIVALS, LossSpec, Task
from core.spec import EntrantSpec
from pages.parts.losses import shape_slider
from pages.parts.shell import session
from pages.parts.widgets.live_chart import live_chart

#: What the target can be; of three classes the first is the true one.
_TARGETS = {
    Task.BINARY: (0.0, 1.0),
    Task.MULTICLASS: (1.0,),
    Task.REGRESSION: tuple(number / 2 for number in range(-6, 7)),
}
#: What it is at first.
_TARGET = 1.0


def draw(entrant: EntrantSpec, dataset: str) -> None:
    st.fragment(session.errors_as_sentences()(_draw_shapes))(entrant, DATASETS[dataset].task)


def _draw_shapes(entrant: EntrantSpec, task: Task) -> None:
    chosen = _draw_ticks(entrant, task)
    axis = _draw_axis(task)
    log_y = st.toggle("Log axis", key="shape_log_y")
    targets = _TARGETS[task]
    with_shape: list[tuple[LossSpec, list[Shape | None]]] = []
    without = []
    for each in chosen:
        shapes = session.ask("shapes", each, task, axis, targets)
        if any(shapes):
            with_shape.append((each.loss_spec, shapes))
        else:
            without.append(each.loss_spec.title)
    if without:
        st.caption(
            f"{', '.join(without)}: probabilities do not tell this loss; its shape over the logit "
            "can be seen."
        )
    if not with_shape:
        return
    shape_slider.draw(with_shape, axis, targets, targets.index(_TARGET))
    with st.grid(len(QUANTITIES), min_column_width=300, gap="small"):
        for quantity, title in QUANTITIES.items():
            with st.container():
                st.markdown(f"**{title}**")
                live_chart(
                    shape_figure(with_shape, quantity, axis, targets.index(_TARGET), log_y),
                    key=f"shape_{quantity}",
                    label=f"{title} of {', '.join(spec.title for spec, _ in with_shape)} by {axis}",
                    height=320,
                )
    if task is Task.MULTICLASS:
        _draw_simplices(chosen)


def _draw_ticks(entrant: EntrantSpec, task: Task) -> list[EntrantSpec]:
    fitting = [
        key
        for key, loss in LOSSES.items()
        if task in loss.formulas and (key != CUSTOM or entrant.loss == CUSTOM)
    ]
    rivals = [key for key in RIVALS if key in fitting]
    ticked = st.pills(
        "Losses",
        fitting,
        selection_mode="multi",
        default=list(dict.fromkeys([entrant.loss, *rivals])),
        format_func=lambda key: LOSSES[key].title,
        key=f"shape_losses_{task}_{entrant.loss}",
    )
    return [
        entrant if key == entrant.loss else EntrantSpec(loss=key)
        for key in fitting
        if key in ticked or key == entrant.loss
    ]


def _draw_axis(task: Task) -> ShapeAxis:
    if task is Task.REGRESSION:
        return ShapeAxis.PREDICTION
    return st.segmented_control(
        "Over",
        [ShapeAxis.PROBABILITY, ShapeAxis.LOGIT],
        default=ShapeAxis.PROBABILITY,
        required=True,
        key="shape_axis",
        format_func=lambda axis: axis.value.capitalize(),
    )


def _draw_simplices(chosen: list[EntrantSpec]) -> None:
    """The losses over all answers to three classes."""
    true_class = st.segmented_control(
        "True class", [0, 1, 2], default=0, required=True, key="simplex_class"
    )
    maps: list[tuple[LossSpec, Simplex]] = [
        (each.loss_spec, simplex)
        for each in chosen
        if (simplex := session.ask("simplex", each, true_class)) is not None
    ]
    with st.grid(min(3, max(1, len(maps))), min_column_width=280, gap="small"):
        for spec, simplex in maps:
            with st.container():
                st.markdown(f"**{spec.title}** over three classes")
                live_chart(
                    simplex_figure(spec, simplex),
                    key=f"simplex_{spec.key}",
                    label=f"{spec.title} over all probabilities of three classes",
                    height=320,
                )
