"""The training loop in the lesson's words: each leads to the place that shows it with numbers."""

from __future__ import annotations

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
  const made = JSON.stringify(data.items)
  if (list.dataset.made === made) return
  list.dataset.made = made
  list.replaceChildren(...data.items.map(({ word, brief, arrow }) => {
    const button = element("button", element("b", word), element("small", brief))
    button.dataset.place = word
    button.onclick = () => setTriggerValue("place", word)
    const after = element("span", arrow)
    after.setAttribute("aria-hidden", "true")
    return element("li", button, after)
  }))
}

function element(tag, ...inside) {
  const made = document.createElement(tag)
  made.append(...inside)
  return made
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


def _items(shown: ExperimentSpec) -> list[dict[str, str]]:
    """The words in the lesson's order, each with what it is here."""
    first = shown.lineup[0]
    sizes = ", ".join(f"{size:,}" for size in shown.network.hidden_sizes)
    briefs = {
        "x": f"{shown.training.batch_size:,} x {shown.dataset.features}",
        "hidden layers": sizes or "none",
        "y_pred": f"{first.loss.head.width(shown.dataset.outputs)} outputs",
        "y": "the targets",
        "J(y_pred, y)": ", then ".join(loss.title for loss in first.losses),
        "loss value": "one number",
        "backpropagation": "loss.backward()",
        "optimizer": "optimizer.step()",
    }
    return [
        {"word": word, "brief": brief, "arrow": "↻" if word == "optimizer" else "→"}
        for word, brief in briefs.items()
    ]


def _go(shown: ExperimentSpec, place: int) -> None:
    """Explain the first entrant of what is shown, at this place of its loop."""
    entrant = shown.entrants[0].model_copy(update={"then": None})
    draft.change(losses.drafted(entrant, 0), "explained", "entrant")
    draft.change(shown.data.name, "explained", "dataset")
    steps.show(place)
    session.go_to("losses")
