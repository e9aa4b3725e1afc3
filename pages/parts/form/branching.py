"""The way from where a training rests to a branch that goes on with another loss, and back."""

from __future__ import annotations

import contextlib

import streamlit as st

from core.errors import LabError, UnknownExperiment
from core.losses import CUSTOM, LOSSES
from core.records import Experiment, Status
from core.spec import (
    Entrant,
    EntrantSpec,
    branched,
    branching_place,
    no_branch,
    race_with_origin,
    successors,
)
from pages.parts.form import draft, losses, whole
from pages.parts.form.draft import Form
from pages.parts.shell import session
from pages.parts.shell.text import escaped

#: The path of the loss to go on with in the draft.
_LOSS = ("branch",)
#: What can still go on when it rests there; what has diverged or failed can't.
_RESTING = (Status.PAUSED, Status.STOPPED, Status.INTERRUPTED)


def draw_origin(page: str, shown: Experiment) -> None:
    """Where a branch comes from."""
    if shown.spec.branched_from is not None:
        with st.container(horizontal=True, vertical_alignment="center", key="branch"):
            _draw_origin(page, shown)


def draw_way_on(page: str, shown: Experiment) -> None:
    """The way to a branch from where a training rests, beside the buttons of that training."""
    if _is_resting(shown):
        _draw_way_on(page, shown)


def _is_resting(shown: Experiment) -> bool:
    return shown.status in _RESTING and 1 <= shown.step < shown.spec.total_steps


# ------------------------------------------------------------------ where a branch comes from


def _draw_origin(page: str, shown: Experiment) -> None:
    spec, origin, place = shown.spec, shown.spec.branched_from, branching_place(shown.spec)
    if origin is None or place is None:
        return
    first, second = spec.lineup[place].losses
    epoch = -(-origin.step // spec.steps_per_epoch)
    st.page_link(
        f"{page}.py",
        label=f"Branched from experiment {escaped(origin.experiment[:3])}… at step {origin.step:,} "
        f"(epoch {epoch:,})",
        icon=":material/alt_route:",
        help=f"Back to that experiment: up to this step both are the same, bit for bit. There "
        f"{escaped(first.title)} went on with {escaped(second.title)}.",
        query_params={session.EXPERIMENT: origin.experiment},
        width="content",
    )
    st.button(
        "Race it against its origin",
        icon=":material/sports_score:",
        type="tertiary",
        help=f"Set up on Compare: {escaped(first.title)} to the end, the branch, and "
        f"{escaped(second.title)} from the start, on the same data and batches.",
        on_click=_race,
        args=(page, shown),
    )


def _race(page: str, shown: Experiment) -> None:
    with session.errors_as_sentences():
        whole.fill("compare", race_with_origin(shown.spec, _entrant_before(shown)))
        if page != "compare":
            session.go_to("compare")


def _entrant_before(shown: Experiment) -> EntrantSpec | None:
    """The branch's entrant as its origin has it; None where that is not stored here."""
    origin, place = shown.spec.branched_from, branching_place(shown.spec)
    with contextlib.suppress(UnknownExperiment):
        if origin is not None and place is not None:
            return session.store().get(origin.experiment).spec.entrants[place]
    return None


# ------------------------------------------------------------------ a branch


def _draw_way_on(page: str, shown: Experiment) -> None:
    with st.popover("Go on with another loss", icon=":material/alt_route:", width="content"):
        st.markdown(
            f"**Branch at step {shown.step:,}.** A new experiment trains the same up to there, bit "
            "for bit, and goes on with another loss from the same weights. This one stays as it is."
        )
        refusals = [no_branch(shown.spec, each.place, shown.step) for each in shown.spec.lineup]
        for refusal in filter(None, refusals):
            st.caption(escaped(refusal))
        if free := [place for place, refusal in enumerate(refusals) if refusal is None]:
            _draw_choice(page, shown, free)


def _draw_choice(page: str, shown: Experiment, free: list[int]) -> None:
    """Which entrant goes on, with which loss, and the button."""
    lineup = shown.spec.lineup
    place = free[0]
    if len(free) > 1:
        place = st.selectbox(
            "Entrant",
            free,
            format_func=lambda each: lineup[each].title,
            key=f"branch_entrant_{shown.id}",
        )
    reasons = _no_others(lineup[place], shown)
    if offered := [key for key, reason in reasons.items() if reason is None]:
        _draw_loss(Form(page), offered, shown, place)
    st.button(
        "Branch",
        type="primary",
        icon=":material/alt_route:",
        disabled=not offered,
        on_click=_branch,
        args=(page, shown.id, place),
    )
    losses.draw_refusals(reasons)


def _draw_loss(form: Form, offered: list[str], shown: Experiment, place: int) -> None:
    own, entrant = shown.spec.lineup[place].loss.key, [shown.id, place]
    if draft.value(*_LOSS, "of") != entrant or draft.value(*_LOSS, "loss") not in offered:
        draft.change(entrant, *_LOSS, "of")
        others = [key for key in offered if key != own]
        draft.change((others or offered)[0], *_LOSS, "loss")
    form.choice(
        "Loss to go on with",
        offered,
        *_LOSS,
        "loss",
        format_func=lambda key: LOSSES[key].title,
    )
    losses.draw_settings(form, _LOSS, shown.spec.dataset.task)


def _no_others(entrant: Entrant, shown: Experiment) -> dict[str, str | None]:
    """Every loss by its key, with why the entrant can't go on with it, if it can't."""
    reasons = successors(entrant.loss, shown.spec.dataset)
    has_settings = entrant.loss.parameters or entrant.loss.key == CUSTOM
    return reasons | ({} if has_settings else {entrant.loss.key: "It is the loss that trains."})


def _branch(page: str, experiment_id: str, place: int) -> None:
    """Start the branch from where the training rests now, and show it."""
    draft.hear()
    with session.errors_as_sentences():
        now = session.store().get(experiment_id)
        if not _is_resting(now):
            raise LabError("It trains again; pause it to go on with another loss from there.")
        loss = losses.described_loss(draft.value(*_LOSS))
        spec = branched(now.spec, now.id, place, now.step, loss)
        session.start(page, spec)
        whole.fill(page, spec)
