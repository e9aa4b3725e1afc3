"""The contract of a loss: formulas, what goes in, what comes out, when to use it."""

from __future__ import annotations

import streamlit as st

from core.data import DATASETS
from core.losses import Card, LossSpec, Task
from core.losses.link_formulas import link_formula
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
        formulas = (("Yours", f"L = {entrant.loss_spec.formulas[task].latex}"),)
    for caption, formula in formulas:
        _draw_formula(f"For one example. {caption}", formula)
    if link := link_formula(entrant.loss_spec.formulas[task].link, task):
        _draw_formula(*link)
    _draw_formula("For a batch, what training makes smaller", card.batch_formula)
    for caption, formula in card.gradient_formula:
        _draw_formula(f"The gradient of one example. {caption}", formula)
    meanings = "; ".join(f"${symbol}$ {meaning}" for symbol, meaning in card.symbols)
    st.markdown(f":small[where {meanings}]")


def _draw_formula(caption: str, formula: str) -> None:
    st.markdown(f":small[{caption}:]")
    st.latex(formula)


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
        "Reduction": card.reduction,
        "Unit": card.unit,
        "Range": str(spec.value_range(data.task, data.outputs)),
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
