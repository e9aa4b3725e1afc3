"""The contract of a loss: formulas, what goes in, what comes out, when to use it."""

from __future__ import annotations

import streamlit as st

from core.data import DATASETS
from core.losses import Card, LossSpec, Task
from core.spec import EntrantSpec
from pages.parts.shell import session


def draw(entrant: EntrantSpec, dataset: str) -> None:
    spec = entrant.loss_spec
    card = spec.card
    st.markdown(card.summary)
    with st.grid(2, min_column_width=320, gap="large"):
        with st.container():
            _draw_formulas(entrant, card, DATASETS[dataset].task)
        with st.container():
            _draw_facts(entrant, spec, card, dataset)
    for title, text in _sentences(card).items():
        st.markdown(f"**{title}** {text}")
    st.caption(f"Source: {card.source}")


def _draw_formulas(entrant: EntrantSpec, card: Card, task: Task) -> None:
    formulas = card.example_formula
    if entrant.expression is not None:
        formulas = (("Yours, for one output", f"L = {entrant.loss_spec.formulas[task].latex}"),)
    for caption, formula in formulas:
        st.markdown(f":small[For one example. {caption}:]")
        st.latex(formula)
    st.markdown(":small[For a batch, what training makes smaller:]")
    st.latex(card.batch_formula)
    meanings = "; ".join(f"${symbol}$ {meaning}" for symbol, meaning in card.symbols)
    st.markdown(f":small[where {meanings}]")


def _draw_facts(entrant: EntrantSpec, spec: LossSpec, card: Card, dataset: str) -> None:
    data = DATASETS[dataset]
    formula = spec.formulas[data.task]
    width = spec.head.width(data.outputs)
    baseline = session.ask("baseline", entrant, dataset)
    facts = {
        "In torch.nn": f"`{spec.torch_class}`" if spec.torch_class else "no class of its own",
        "Takes": card.takes,
        "Target": card.target,
        "In Loss Lab": f"{spec.head.value}: {width} for {data.title}; targets are {spec.encoding}",
        "Link": formula.link.value,
        "Reduction": spec.reduction,
        "Unit": spec.unit,
        "Range": spec.value_range,
        f"Baseline on {data.title}": f"{baseline:.4f}, the best constant prediction",
    }
    st.table(
        {"name": list(facts), "fact": list(facts.values())},
        border="horizontal",
        hide_index=True,
        hide_header=True,
        alt=f"The contract of {spec.title}",
    )


def _sentences(card: Card) -> dict[str, str]:
    return {
        "Use it when:": card.use_when,
        "Do not use it when:": card.avoid_when,
        "Gradient:": card.gradient,
        "Noise it assumes:": card.noise_model,
        "Proper scoring rule?": card.proper_scoring_rule,
    }
