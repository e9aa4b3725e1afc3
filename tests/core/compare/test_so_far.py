"""What a training shows so far: the mark, who came to it when, and the sentence on it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.compare.courses import Course
from core.compare.so_far import NONE_LEFT, SoFar, sentence
from core.judging.yardsticks import first_yardstick
from core.losses import Task
from core.spec import EntrantSpec, ExperimentSpec

ACCURACY, R2 = first_yardstick(Task.BINARY), first_yardstick(Task.REGRESSION)
NAN = float("nan")
NAMES = ("A", "B", "C", "D", "E", "F")


def courses_of(*seeds_of: Sequence[Sequence[float]]) -> list[Course]:
    """A course for each entrant, called A, B ...: a row of values by epoch for each seed."""
    entrants = tuple(EntrantSpec(loss="mse", name=NAMES[at]) for at in range(len(seeds_of)))
    lineup = ExperimentSpec(entrants=entrants).lineup
    made = []
    for entrant, rows in zip(lineup, seeds_of, strict=True):
        epochs = np.arange(len(rows[0]), dtype=np.int32)
        ended = tuple(None if np.isfinite(row).all() else 1 for row in np.array(rows))
        seeds = tuple(range(len(rows)))
        made.append(Course(entrant, seeds, epochs, epochs * 10, np.array(rows, float), ended))
    return made


def told(*courses: Sequence[float], is_finished: bool = False, yardstick=ACCURACY) -> str:
    so_far = SoFar.of(courses_of(*([course] for course in courses)))
    return sentence(so_far, yardstick, is_finished=is_finished)


@pytest.mark.parametrize(
    ("courses", "mark", "arrivals"),
    [
        ([[0.1, 0.96, 0.99], [0.1, 0.5, 0.91]], 0.9, (1, 2)),
        ([[0.1, 0.9, 0.2], [0.1, 0.5, 0.9]], 0.9, (1, 2)),
        ([[0.0, 0.96, 0.97], [0.0, 0.05, 0.09]], 0.95, (1, None)),
        ([[0.0, 0.05], [0.0, 0.09]], None, (None, None)),
        # What was there before training is nobody's arrival.
        ([[0.99, 0.99], [1.0, 1.0]], None, (None, None)),
        ([[0.5, 0.5]], None, (None,)),
    ],
)
def test_the_mark_is_the_highest_that_all_reached_or_else_the_best(courses, mark, arrivals):
    """What was reached once counts, also where it was lost again."""
    so_far = SoFar.of(courses_of(*([course] for course in courses)))
    assert (so_far.mark, so_far.arrivals) == (mark, arrivals)
    assert so_far.epoch == len(courses[0]) - 1
    assert so_far.scores == tuple(course[-1] for course in courses)


def test_who_came_first_is_told_first_and_who_is_not_there_last():
    assert told([0.1, 0.5, 0.92], [0.1, 0.93, 0.94]) == (
        "B reached 90% accuracy at epoch 1 (now 94.0%), A at 2 (92.0%)."
    )
    lagging = ([0.0, 0.01, 0.05], [0.0, 0.5, 0.965])
    assert told(*lagging) == "B reached 95% accuracy at epoch 2 (now 96.5%), A not yet (5.0%)."
    assert told(*lagging, is_finished=True) == (
        "B reached 95% accuracy at epoch 2 (at the end 96.5%), A never (5.0%)."
    )


def test_before_an_epoch_and_before_a_mark():
    assert told([0.5], [0.4]) == "The first epoch is not complete yet."
    assert sentence(SoFar.of([]), ACCURACY, is_finished=False) == (
        "The first epoch is not complete yet."
    )
    assert told([0.0, 0.05], [0.0, 0.07]) == "After epoch 1, accuracy: A 5.0%, B 7.0%."
    assert told([0.5], is_finished=True) == "It ended before the first epoch was complete."
    # All that diverged within the first epoch were last judged before training.
    so_far = SoFar.of(courses_of([[0.5]], [[0.4]]))
    assert sentence(so_far, ACCURACY, is_finished=True, is_any_left=False) == NONE_LEFT


def test_of_more_than_four_the_first_two_and_the_last_are_told():
    five = [[0.1, *([0.5] * at), *([0.91] * (6 - at))] for at in (3, 1, 4, 0, 2)]
    assert told(*five) == (
        "D reached 90% accuracy at epoch 1 (now 91.0%), B at 2 (91.0%), C at 5 (91.0%)."
    )
    assert all(f"{name} " in told(*five[:4]) for name in "ABCD")


def test_values_are_told_of_without_percents():
    assert told([-2.0, 0.3, 0.52], [-1.0, 0.55, 0.6], yardstick=R2) == (
        "B reached R² 0.5 at epoch 1 (now 0.600), A at 2 (0.520)."
    )
    assert told([-2.0, -1.5], [-1.0, -0.5], yardstick=R2) == (
        "After epoch 1, R²: A -1.500, B -0.500."
    )


def test_who_diverged_is_left_out_and_has_no_say_in_the_mark():
    """B was the best before it diverged, and C has reached no mark at all."""
    so_far = SoFar.of(courses_of([[0.1, 0.5, 0.85]], [[0.1, 0.97, NAN]], [[0.0, 0.02, 0.05]]))
    assert so_far.scores == (0.85, None, 0.05)
    assert so_far.mark == 0.8
    assert sentence(so_far, ACCURACY, is_finished=False) == (
        "A reached 80% accuracy at epoch 2 (now 85.0%), C not yet (5.0%)."
    )
    assert told([0.5, NAN], [NAN, NAN]) == NONE_LEFT


def test_several_seeds_are_told_of_by_the_mean_of_those_that_are_left(no_warnings):
    so_far = SoFar.of(courses_of([[0.1, 0.8, 0.9], [0.1, 0.6, NAN]], [[0.2, NAN, NAN]] * 2))
    assert so_far.scores == (0.9, None)
    assert (so_far.mark, so_far.arrivals[0]) == (0.9, 2)


_VALUES = st.one_of(st.floats(0, 1), st.just(NAN))


@given(st.integers(2, 6), st.integers(1, 6), st.data(), st.booleans())
def test_every_number_in_the_sentence_is_that_of_the_courses(entrants, epochs, data, is_finished):
    rows = [data.draw(st.lists(_VALUES, min_size=epochs, max_size=epochs)) for _ in range(entrants)]
    so_far = SoFar.of(courses_of(*([row] for row in rows)))
    said = sentence(so_far, ACCURACY, is_finished=is_finished)
    of_entrant = dict(zip(NAMES, rows, strict=False))
    mark = re.search(r"reached (\d+)% accuracy", said)
    found = re.findall(r"([A-F]) (?:reached \d+% accuracy )?(at epoch|at|not yet|never)"
                       r" ?(\d*) ?\((?:now |at the end )?([\d.]+%)\)", said)  # fmt: skip
    assert bool(mark) == bool(found)
    for name, how, epoch, score in found:
        assert mark is not None
        goal, row = int(mark[1]) / 100, of_entrant[name]
        assert score == f"{row[-1]:.1%}"
        reached = [at for at, value in enumerate(row) if value >= goal]
        assert (reached[:1] == [int(epoch)]) if epoch else not reached
        assert how == ("never" if is_finished else "not yet") or epoch
    for name, score in re.findall(r"([A-F]) ([\d.]+%)", said):
        assert score == f"{of_entrant[name][-1]:.1%}"
    left = sum(np.isfinite(row[-1]) for row in rows) if epochs > 1 else 0
    assert len(re.findall(r"\b[A-F]\b", said)) == (left if left <= 4 else 3)
