"""One training step in slow motion: the loop as a diagram, with the numbers of each place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.anatomy.shapes import OneStep
from core.data import DATASETS
from core.losses import Head, Link
from core.spec import EntrantSpec
from pages.parts.shell import layout, session
from pages.parts.shell.text import escaped
from pages.parts.widgets import html_table

#: Of wide rows so many numbers are shown.
_MOST_COLUMNS = 8
_LAST_STEP = 200

#: The fold of the Train page that has the program.
PROGRAM = "Program"
#: Session key of the Losses page's tabs, and the one that is drawn here.
TABS, TAB = "loss_tabs", "How it works"
#: The words of the lesson, each with the place of the loop that shows it.
PLACE_OF_WORD = {
    "x": 0,
    "hidden layers": 1,
    "y_pred": 3,
    "y": 4,
    "J(y_pred, y)": 4,
    "loss value": 5,
    "backpropagation": 6,
    "optimizer": 8,
}

_STYLE = """<style>
.loop { display: flex; flex-wrap: wrap; gap: 0.35rem; list-style: none;
  margin: 0 !important; padding: 0 !important; }
.loop li { display: flex; align-items: center; gap: 0.35rem;
  margin: 0 !important; padding: 0 !important; }
.loop .place { border: 1px solid var(--st-border-color, rgba(128,128,128,0.4));
  border-radius: 0.5rem; padding: 0.35rem 0.6rem; min-width: 4.6rem; text-align: center; }
.loop .place b, .loop .place span { display: block; }
.loop .place span { font-size: 0.78rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
.loop [aria-current] .place { border: 2px solid var(--st-primary-color, #0b7285);
  padding: calc(0.35rem - 1px) calc(0.6rem - 1px);
  background: color-mix(in srgb, var(--st-primary-color, #0b7285) 14%, transparent); }
.loop .to::after { content: "→"; }
.loop .back::after { content: "↻"; }
</style>"""


@dataclass(frozen=True)
class _Loss:
    """What the places say of the loss: its link, and what its columns are called."""

    link: Link
    head: Head

    @property
    def logit(self) -> str | tuple[str, ...]:
        """What a logit is called, with a number behind it, or what each is."""
        is_pair = self.head is Head.MEAN_AND_LOG_VARIANCE
        return ("z 0, the mean", "z 1, the log-variance") if is_pair else "z"

    @property
    def output(self) -> str | tuple[str, ...]:
        if self.head is Head.MEAN_AND_LOG_VARIANCE:
            return "mean", "log-variance"
        return "probability" if self.link.gives_probabilities else "prediction"


@dataclass(frozen=True)
class _Place:
    """One place of the loop: its name, what stands in its box, and what is said and shown."""

    name: str
    brief: Callable[[OneStep], str]
    explained: Callable[[OneStep, _Loss], str]
    show: Callable[[OneStep, _Loss], None]


def draw(entrant: EntrantSpec, dataset: str) -> None:
    """The loop for the loss on the data set, one place after another, step after step."""
    st.fragment(session.errors_as_sentences()(_draw_loop))(entrant, dataset)


def show(place: int) -> None:
    """Have the Losses page open at this place of the loop."""
    st.session_state[TABS] = TAB
    st.session_state["loop_place"] = place


def _draw_loop(entrant: EntrantSpec, dataset: str) -> None:
    session.follow_click()
    state = st.session_state
    place, step = state.setdefault("loop_place", 0), state.setdefault("loop_step", 1)
    detail: OneStep = session.ask("one_step", entrant, dataset, step)
    spec = entrant.loss_spec
    loss = _Loss(spec.formulas[DATASETS[dataset].task].link, spec.head)
    st.caption(
        f"Real numbers: training step {step:d} of a network {detail.x.shape[1]:d}-"
        f"{detail.hidden.shape[1]:d}-{detail.logits.shape[1]:d} with ReLU ({detail.parameters:d} "
        f"parameters) on {DATASETS[dataset].title}, {escaped(_examples(len(detail.x)))} a batch, "
        f"plain SGD at {detail.learning_rate:g}."
    )
    st.html(_diagram(detail, place))
    _draw_buttons(place, step)
    current = _PLACES[place]
    st.markdown(
        f"**{place + 1:d} of {len(_PLACES)}: {escaped(current.name)}.** "
        f"{current.explained(detail, loss)}"
    )
    current.show(detail, loss)


def _examples(count: int) -> str:
    return "1 example" if count == 1 else f"{count} examples"


def _diagram(detail: OneStep, current: int) -> str:
    items = []
    for number, place in enumerate(_PLACES):
        mark = ' aria-current="step"' if number == current else ""
        arrow = "back" if number == len(_PLACES) - 1 else "to"
        items.append(
            f'<li{mark}><div class="place"><b>{escape(place.name)}</b>'
            f"<span>{escape(place.brief(detail))}</span></div>"
            f'<span class="{arrow}" aria-hidden="true"></span></li>'
        )
    return f'{_STYLE}<ol class="loop" aria-label="One training step">{"".join(items)}</ol>'


def _draw_buttons(place: int, step: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Back", icon=":material/arrow_back:", on_click=_move, args=(-1,),
            disabled=place == 0 and step == 1,
        )  # fmt: skip
        st.button(
            "Next", icon=":material/arrow_forward:", type="primary", on_click=_move, args=(1,),
            disabled=place == len(_PLACES) - 1 and step == _LAST_STEP,
        )  # fmt: skip
        st.button(
            "Next step", icon=":material/skip_next:", on_click=_move, args=(len(_PLACES),),
            disabled=step == _LAST_STEP, help="The same place, one training step later.",
        )  # fmt: skip
        st.button(
            "From the start", icon=":material/restart_alt:", type="tertiary", on_click=_restart
        )
        st.page_link("train.py", label="Back to Train", icon=":material/play_circle:")
        st.button(
            "The whole program",
            icon=":material/terminal:",
            type="tertiary",
            on_click=_show_program,
            help="On Train: what its settings say, as PyTorch, to read and to run.",
        )


def _show_program() -> None:
    layout.unfold(PROGRAM)
    session.go_to("train")


def _move(places: int) -> None:
    state = st.session_state
    everything = (state["loop_step"] - 1) * len(_PLACES) + state["loop_place"] + places
    last = _LAST_STEP * len(_PLACES) - 1
    step, state["loop_place"] = divmod(min(max(0, everything), last), len(_PLACES))
    state["loop_step"] = step + 1


def _restart() -> None:
    st.session_state.update(loop_place=0, loop_step=1)


# ------------------------------------------------------------------ the places


def _shape(values: NDArray[np.float32]) -> str:
    return f"[{', '.join(str(size) for size in values.shape)}]"


def _numbers(values: NDArray[np.float32]) -> list[str]:
    return [f"{value:.4f}" for value in values]


def _draw_examples(
    caption: str,
    values: NDArray[np.float32],
    name: str | tuple[str, ...],
    extra: dict[str, Sequence[str]],
) -> None:
    """A row for each example, ``name`` and a number over each column, then the extra ones."""
    count = min(values.shape[1], _MOST_COLUMNS)
    left_out = values.shape[1] - count
    columns = _columns(name, values.shape[1])[:count]
    rows = []
    for index, row in enumerate(values):
        cells = _numbers(row[:count]) + (["…"] if left_out else [])
        rows.append((f"example {index + 1}", cells + [cells_[index] for cells_ in extra.values()]))
    more = [f"{left_out} more"] if left_out else []
    html_table.draw(f"{caption}, shape {_shape(values)}", [*columns, *more, *extra], rows)


def _columns(name: str | tuple[str, ...], count: int) -> list[str]:
    if isinstance(name, tuple):
        return list(name)
    return [f"{name} {index}" for index in range(count)] if count > 1 else [name]


def _targets(detail: OneStep) -> list[str]:
    """The class of one-hot targets, else the number itself."""
    if detail.targets.shape[1] > 1:
        return [f"class {number}" for number in detail.targets.argmax(1)]
    return [
        f"{value:g}" if float(value).is_integer() else f"{value:.4f}"
        for value in detail.targets[:, 0]
    ]


def _show_loss(detail: OneStep, loss: _Loss) -> None:
    _draw_examples(
        "What the loss compares",
        detail.outputs,
        loss.output,
        {"target y": _targets(detail), "loss L": _numbers(detail.losses)},
    )


def _show_mean(detail: OneStep, loss: _Loss) -> None:
    terms = " + ".join(_numbers(detail.losses))
    st.latex(rf"J = \frac{{1}}{{{detail.total_weight:.6g}}} ({terms}) = {detail.mean:.4f}")


def _show_weight_gradients(detail: OneStep, loss: _Loss) -> None:
    rows = [
        (f"to output {index}", _numbers(row)) for index, row in enumerate(detail.weight_gradients)
    ]
    columns = [f"from hidden {index}" for index in range(detail.weight_gradients.shape[1])]
    html_table.draw(
        f"dJ/dW of the last layer, shape {_shape(detail.weight_gradients)}",
        columns,
        rows,
        detail.weight,
    )


def _show_update(detail: OneStep, loss: _Loss) -> None:
    gradient = float(detail.weight_gradients[detail.weight])
    sign = "-" if gradient >= 0 else "+"
    st.latex(
        rf"w_{{{detail.weight[0]},{detail.weight[1]}}} \leftarrow {detail.before:.4f} {sign} "
        rf"{detail.learning_rate:g} \cdot {abs(gradient):.4f} = {detail.after:.4f}"
    )
    st.latex(rf"J:\ {detail.mean:.4f} \rightarrow {detail.mean_after:.4f}")


_PLACES = (
    _Place(
        "x", lambda detail: _shape(detail.x),
        lambda detail, loss: "A batch of examples goes in, features standardised.",
        lambda detail, loss: _draw_examples("Inputs x", detail.x, "feature", {}),
    ),
    _Place(
        "hidden", lambda detail: _shape(detail.hidden),
        lambda detail, loss: "The hidden layer takes weighted sums and cuts off what is below 0.",
        lambda detail, loss: _draw_examples("Hidden units", detail.hidden, "unit", {}),
    ),
    _Place(
        "logits z", lambda detail: _shape(detail.logits),
        lambda detail, loss: "The last layer gives raw scores: any number.",
        lambda detail, loss: _draw_examples("Logits z", detail.logits, loss.logit, {}),
    ),
    _Place(
        "y_pred", lambda detail: _shape(detail.outputs),
        lambda detail, loss: (
            "The link is the identity: the scores are the prediction."
            if loss.link is Link.IDENTITY
            else f"The link, {loss.link.value}, makes of them what is compared with the target."
        ),
        lambda detail, loss: _draw_examples(
            "Outputs y_pred", detail.outputs, loss.output, {"target y": _targets(detail)}
        ),
    ),
    _Place(
        "J(y_pred, y)", lambda detail: f"{len(detail.losses)} losses",
        lambda detail, loss: (
            "How far off is each example? One loss each."
            + loss.link.gives_probabilities
            * (
                " J is drawn of the probabilities; whether the class in PyTorch receives these or "
                "the logits is said under In PyTorch."
            )
        ),
        _show_loss,
    ),
    _Place(
        "loss value", lambda detail: f"{detail.mean:.4f}",
        lambda detail, loss: (
            "Their mean is the one number that training makes smaller. The loss that is printed "
            "for an epoch is the mean of this number over the epoch's steps, weighted by how many "
            "examples each has and taken before each update."
        ),
        _show_mean,
    ),
    _Place(
        "dJ/dz", lambda detail: _shape(detail.logit_gradients),
        lambda detail, loss: (
            "Backpropagation, `loss.backward()`: by how much J would rise with each logit. "
            "Training pushes logits with a negative gradient up."
        ),
        lambda detail, loss: _draw_examples(
            "Gradient in the logits",
            detail.logit_gradients,
            "dJ/dz",
            {"target y": _targets(detail)},
        ),
    ),
    _Place(
        "dJ/dW", lambda detail: _shape(detail.weight_gradients),
        lambda detail, loss: (
            "On through the layers: a gradient for each weight. The largest of the last layer is "
            "marked; that weight is followed."
        ),
        _show_weight_gradients,
    ),
    _Place(
        "update", lambda detail: f"{detail.before:.3f} → {detail.after:.3f}",
        lambda detail, loss: (
            "The optimizer, `optimizer.step()`: every parameter moves against its gradient, by the "
            f"learning rate times it. With all {detail.parameters} moved, the same examples have "
            "another loss. Then the next batch comes in."
        ),
        _show_update,
    ),
)  # fmt: skip
