"""The training loop in the lesson's words: each leads to the place that shows it with numbers."""

from __future__ import annotations

from html import escape

import streamlit as st

from core.spec import ExperimentSpec
from pages.parts.form import draft, losses
from pages.parts.losses import steps
from pages.parts.shell import session

_KEY = "lesson_loop"
_STYLE = """
.lesson-loop { display: flex; flex-wrap: wrap; gap: 0.35rem; align-items: stretch;
  list-style: none; margin: 0; padding: 0; }
.lesson-loop li { display: flex; align-items: center; gap: 0.35rem; }
.lesson-loop button { font: inherit; color: inherit; background: none; cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: 0.5rem; padding: 0.35rem 0.6rem;
  text-align: center; }
.lesson-loop button:hover { border-color: var(--st-primary-color); }
.lesson-loop button:focus-visible { outline: 2px solid var(--st-primary-color);
  outline-offset: 2px; }
.lesson-loop b, .lesson-loop small { display: block; font-weight: 600; }
.lesson-loop small { font-weight: 400; font-size: 0.78rem; white-space: nowrap; }
"""
_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".lesson-loop")
  if (list.dataset.made === data.items) return
  list.dataset.made = data.items
  list.innerHTML = data.items
  for (const button of list.querySelectorAll("button")) {
    button.onclick = () => setTriggerValue("place", button.dataset.place)
  }
}
"""

_loop = st.components.v2.component(
    "loss_lab_loop",
    html='<ol class="lesson-loop" aria-label="The training loop"></ol>',
    css=_STYLE,
    js=_JS,
)


def draw(shown: ExperimentSpec) -> None:
    """The loop of what is shown; a click on a word leaves for *How it works* on Losses."""
    st.markdown(
        "**The loop that ran here, in the lesson's words.** Click a word to see it compute."
    )

    def clicked() -> None:
        if place := st.session_state[_KEY].place:
            _go(shown, steps.PLACE_OF_WORD[place])

    _loop(key=_KEY, data={"items": _items(shown)}, on_place_change=clicked)


def _items(shown: ExperimentSpec) -> str:
    """The words in the lesson's order, each with what it is here."""
    first = shown.lineup[0]
    sizes = ", ".join(f"{size:,}" for size in shown.network.hidden_sizes)
    briefs = {
        "x": f"{shown.training.batch_size:,} x {shown.dataset.features}",
        "hidden layers": sizes or "none",
        "y_pred": f"{first.loss.head.width(shown.dataset.outputs)} outputs",
        "y": "the targets",
        "J(y_pred, y)": first.loss.title,
        "loss value": "one number",
        "backpropagation": "loss.backward()",
        "optimizer": "optimizer.step()",
    }
    items = []
    for word, brief in briefs.items():
        arrow = "↻" if word == "optimizer" else "→"
        items.append(
            f'<li><button data-place="{escape(word)}"><b>{escape(word)}</b>'
            f"<small>{escape(brief)}</small></button>"
            f'<span aria-hidden="true">{arrow}</span></li>'
        )
    return "".join(items)


def _go(shown: ExperimentSpec, place: int) -> None:
    """Explain the first entrant of what is shown, at this place of its loop."""
    draft.change(losses.drafted(shown.entrants[0], 0), "explained", "entrant")
    draft.change(shown.data.name, "explained", "dataset")
    steps.show(place)
    session.go_to("losses")
