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
from pages.parts.shell.text import escaped
from pages.parts.widgets.live_chart import live_chart

#: What the target can be; of three classes the first is the true one.
_TARGETS = {
    Task.BINARY: (0.0, 1.0),
    Task.MULTICLASS: (1.0,),
    Task.REGRESSION: tuple(number / 2 for number in range(-6, 7)),
}
#: What the network says of the two classes beside the true one of three, by the axis.
_OTHERS = {
    ShapeAxis.PROBABILITY: "the other two share the rest of the probability evenly",
    ShapeAxis.LOGIT: "the logits of the other two are 0",
}
#: What is drawn of two classes.
_CLASS_1 = {
    ShapeAxis.PROBABILITY: "the probability is that of class 1, and class 0 has the rest",
    ShapeAxis.LOGIT: "the logit is that of class 1; a loss with two logits has 0 for class 0",
}
#: What it is at first.
_TARGET = 1.0


#: The least height of a chart, in pixels.
_HEIGHT = 230

#: On a wide screen the choices are beside the sliders, the charts are in a row below both, and
#: what is left of the screen's height is shared between sliders and charts, so that all are seen
#: together. On a narrow one the sliders stay in sight while the charts scroll past.
_STYLE = """<style>
@media (min-width: 1000px) {
  .st-key-shape { --room: 100vh - 17rem;
    display: grid; grid-template-columns: minmax(0, 1fr) minmax(22rem, 30%); gap: 0.75rem 2rem; }
  .st-key-shape > :has(.st-key-shape_charts) { grid-column: 1 / -1; }
  .st-key-shape .shape-slider { max-height: max(11rem, 0.45 * (var(--room))); }
  .st-key-shape [data-testid="live-chart"] { min-height: calc(0.55 * (var(--room))); }
}
@media (max-width: 999px) and (min-height: 600px) {
  .st-key-shape_slider { position: sticky; top: 3.5rem; z-index: 1; }
  .st-key-shape_charts { isolation: isolate; }
}
</style>"""


def draw(entrant: EntrantSpec, dataset: str) -> None:
    st.fragment(session.errors_as_sentences()(_draw_shapes))(entrant, DATASETS[dataset].task)


def _draw_shapes(entrant: EntrantSpec, task: Task) -> None:
    st.html(_STYLE)
    targets = _TARGETS[task]
    with st.container(key="shape"):
        with st.container(gap="xsmall"):
            chosen = _draw_ticks(entrant, task)
            with st.container(horizontal=True, vertical_alignment="center"):
                axis = _draw_axis(task)
                log_y = st.toggle("Log axis", key="shape_log_y")
            _draw_setting(task, axis)
            with_shape = _with_shape(chosen, task, axis)
        if not with_shape:
            return
        shape_slider.draw(with_shape, axis, targets, targets.index(_TARGET))
        _draw_charts(with_shape, axis, targets.index(_TARGET), log_y)
    if task is Task.MULTICLASS:
        _draw_simplices(chosen)


def _draw_setting(task: Task, axis: ShapeAxis) -> None:
    if task is Task.MULTICLASS:
        st.caption(f"Three classes, the first of them true: {_OTHERS[axis]}.")
    elif task is Task.BINARY:
        st.caption(f"Two classes: {_CLASS_1[axis]}.")


def _with_shape(
    chosen: list[EntrantSpec], task: Task, axis: ShapeAxis
) -> list[tuple[LossSpec, list[Shape | None]]]:
    """The losses that the axis tells, with their shapes by target; a sentence names the others."""
    shapes = [
        (each.loss_spec, session.ask("shapes", each, task, axis, _TARGETS[task])) for each in chosen
    ]
    if without := [loss.title for loss, by_target in shapes if not any(by_target)]:
        titles = escaped(", ".join(without))
        st.caption(
            f"{titles}: probabilities do not tell this loss; its shape over the logit can be seen."
        )
    return [(loss, by_target) for loss, by_target in shapes if any(by_target)]


def _draw_charts(
    with_shape: list[tuple[LossSpec, list[Shape | None]]],
    axis: ShapeAxis,
    target: int,
    log_y: bool,
) -> None:
    titles = ", ".join(loss.title for loss, _ in with_shape)
    with (
        st.container(key="shape_charts"),
        st.grid(len(QUANTITIES), min_column_width=300, gap="small"),
    ):
        for quantity, title in QUANTITIES.items():
            with st.container(gap=None):
                st.markdown(f"**{escaped(title)}**")
                live_chart(
                    shape_figure(with_shape, quantity, axis, target, log_y),
                    key=f"shape_{quantity}",
                    label=f"{title} of {titles} by {axis}",
                    height=_HEIGHT,
                )


def _draw_ticks(entrant: EntrantSpec, task: Task) -> list[EntrantSpec]:
    fitting = [
        key
        for key, loss in LOSSES.items()
        if key == entrant.loss or (task in loss.formulas and key != CUSTOM and not loss.is_mistake)
    ]
    rivals = [key for key in RIVALS if key in fitting]
    ticked = st.pills(
        "Losses",
        fitting,
        selection_mode="multi",
        default=list(dict.fromkeys([entrant.loss, *rivals])),
        format_func=lambda key: escaped(LOSSES[key].title),
        key=f"shape_losses_{task}_{entrant.loss}",
        label_visibility="collapsed",
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
        label_visibility="collapsed",
        format_func=lambda axis: escaped(axis.value.capitalize()),
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
                st.markdown(f"**{escaped(spec.title)}** over three classes")
                live_chart(
                    simplex_figure(spec, simplex),
                    key=f"simplex_{spec.key}",
                    label=f"{spec.title} over all probabilities of three classes",
                    height=320,
                )
