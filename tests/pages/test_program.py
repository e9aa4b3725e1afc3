"""The Program view of Train: the program of the form, and what runs of it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.lab import lab
from core.program import written
from core.program.running import RunStatus
from core.spec import LESSON
from tests.pages.looking import (
    button,
    click,
    components,
    enter,
    errors,
    read,
    run,
    said,
    unfold,
)
from tests.waiting import wait_until

RUN = "program_run_id"


def codes(app: AppTest) -> list[str]:
    return [each.value for each in app.code]


def test_it_is_the_program_of_what_the_form_says(train: AppTest) -> None:
    unfold(train, "Program")
    program = written(read(train, "train"))
    assert codes(train) == [*(part.code for part in program.parts), program.code.strip()]
    enter(train, "train", "learning_rate", 0.05)
    assert "lr=0.05" in "".join(codes(train))
    assert "**Training loop.**" in said(train)


def test_the_lesson_is_the_program_of_the_lesson(train: AppTest) -> None:
    unfold(train, "Program")
    click(train, "The lesson")
    assert codes(train)[-1] == written(LESSON).code.strip()


def test_showing_it_starts_no_process(train: AppTest) -> None:
    unfold(train, "Program")
    assert RUN not in train.session_state
    assert button(train, "Stop it").disabled


def test_settings_that_cannot_be_trained_have_no_program_but_the_reason(train: AppTest) -> None:
    unfold(train, "Program")
    enter(train, "train", "epochs", "0")
    sentence = "Epochs was 0; allowed is 1 to 10,000."
    assert errors(train) == [sentence, sentence]
    assert codes(train) == []


@pytest.mark.usefixtures("nothing_trains")
def test_it_runs_until_it_is_stopped(train: AppTest) -> None:
    unfold(train, "Program")
    click(train, "The lesson")
    enter(train, "train", "epochs", "10000")
    click(train, "Run it")
    key = train.session_state[RUN]
    assert [sent["run"] for sent in components(train) if "run" in sent] == [key]
    assert button(train, "Run it").disabled
    click(train, "Stop it")
    assert lab().programs.get(key).status is RunStatus.STOPPED
    assert not button(train, "Run it").disabled
    enter(train, "train", "epochs", "9")
    assert "The settings have changed since" in said(train)


@pytest.mark.usefixtures("nothing_trains")
def test_a_run_that_ends_is_shown_with_its_end(train: AppTest) -> None:
    unfold(train, "Program")
    click(train, "The lesson")
    click(train, "Run it")
    programs, key = lab().programs, train.session_state[RUN]
    wait_until(lambda: programs.get(key).status.is_finished, 60, "the end of the program")
    assert programs.get(key).status is RunStatus.FINISHED
    assert len(programs.get(key).printed) == 10
    run(train)
    assert [sent["status"] for sent in components(train) if "run" in sent] == ["finished"]
    assert button(train, "Stop it").disabled
