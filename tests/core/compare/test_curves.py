"""Curves against the plainest way to compute the same."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.compare.curves import MAX_EPOCH_POINTS, MAX_POINTS, MAX_SMOOTHINGS, Curves, Line
from core.records import Chunk, Envelope, Measure, Overview, Run, Split, Status
from tests.core.compare.test_smoothing import Losses, naive_average, noise
from tests.core.tidy import Score, evaluations


def runs(count: int) -> list[Run]:
    return [Run(index, 0, index, Status.RUNNING, None) for index in range(count)]


def chunks(losses: Losses, sizes: list[int]) -> list[Chunk]:
    """``losses`` cut into chunks of ``sizes``; the last one takes what is left."""
    pieces = np.split(losses, np.cumsum(sizes))
    starts = np.cumsum([0, *(len(piece) for piece in pieces)])
    return [
        Chunk(i, int(start) + 1, 0.1, piece)
        for i, (piece, start) in enumerate(zip(pieces, starts, strict=False))
    ]


def filled(losses: Losses, sizes: list[int] | None = None) -> Curves:
    curves = Curves("x", losses.shape[1])
    for chunk in chunks(losses, sizes or []):
        curves.extend([chunk], [])
    return curves


def same(one: Line, other: Line) -> bool:
    return np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y)


# ------------------------------------------------------------------ lines by step


def test_few_steps_are_drawn_as_they_are() -> None:
    losses = noise(MAX_POINTS // 2, 2)
    view = filled(losses).view(runs(2))
    assert view.step == len(losses)
    for run in view.runs:
        np.testing.assert_array_equal(run.raw.x, np.arange(1, len(losses) + 1))
        np.testing.assert_array_equal(run.raw.y, losses[:, run.run.index])
        assert run.smoothed is None


@pytest.mark.parametrize("steps", [1_001, 20_000, 123_457])
def test_many_steps_keep_extremes_ends_and_true_places(steps: int) -> None:
    losses = noise(steps)
    losses[steps // 3] = 50
    losses[steps // 2] = -50
    raw = filled(losses).view(runs(1)).runs[0].raw
    assert MAX_POINTS / 2 < len(raw.x) <= MAX_POINTS
    assert np.all(np.diff(raw.x) > 0)
    np.testing.assert_array_equal(raw.y, losses[raw.x - 1, 0])
    assert {50, -50} <= set(raw.y)
    assert raw.x[-1] == steps


@pytest.mark.parametrize("entrants", range(1, 11))
def test_any_number_of_entrants_may_share_the_points(entrants: int) -> None:
    points = 900 // entrants
    raw = filled(noise(5_000)).view(runs(1), points=points).runs[0].raw
    assert 0.9 * points < len(raw.x) <= points


@settings(deadline=None, max_examples=30)
@given(
    sizes=st.lists(st.integers(0, 900), max_size=8),
    steps=st.integers(0, 5_000),
    weight=st.sampled_from([0.0, 0.5, 0.99]),
    broken=st.lists(st.integers(0, 4_999), max_size=4),
)
def test_piece_by_piece_equals_all_at_once(
    sizes: list[int], steps: int, weight: float, broken: list[int]
) -> None:
    losses = noise(steps, 3)
    losses[[step for step in broken if step < steps], 1] = np.nan
    at_once = filled(losses).view(runs(3), weight)
    curves = Curves("x", 3)
    for chunk in chunks(losses, sizes):
        curves.extend([chunk], [])
        curves.view(runs(3), weight)
    in_pieces = curves.view(runs(3), weight)
    for one, other in zip(at_once.runs, in_pieces.runs, strict=True):
        assert same(one.raw, other.raw)
        assert one.diverged_step == other.diverged_step
        # Sums taken in another order differ in their last bits, and so may the points that
        # are picked: each is held against the average itself.
        averages = naive_average(losses[:, one.run.index], weight)
        for line in (one.smoothed, other.smoothed):
            if line is not None:
                expected = [averages[step - 1] for step in line.x]
                np.testing.assert_allclose(line.y, expected, rtol=1e-5, atol=1e-5)


# ------------------------------------------------------------------ smoothing


def test_smoothed_line_belongs_to_its_own_run() -> None:
    losses = noise(400, 2)
    view = filled(losses, [100, 100]).view(runs(2)[::-1], 0.8)
    for run in view.runs:
        assert run.smoothed is not None
        expected = naive_average(losses[:, run.run.index], 0.8)
        np.testing.assert_allclose(run.smoothed.y, expected, rtol=1e-5, atol=1e-6)


def test_old_weights_are_forgotten_and_come_back_right() -> None:
    curves = filled(noise(300))
    first = curves.view(runs(1), 0.5).runs[0].smoothed
    for weight in np.linspace(0.6, 0.9, MAX_SMOOTHINGS + 1):
        curves.view(runs(1), float(weight))
    assert len(curves._smoothings) == MAX_SMOOTHINGS
    again = curves.view(runs(1), 0.5).runs[0].smoothed
    assert first is not None
    assert again is not None
    assert same(first, again)


# ------------------------------------------------------------------ opened with an overview


class Opened:
    """Curves that begin with an overview of the first chunks; counts the times that these are
    read."""

    def __init__(self, pieces: list[Chunk], covered: int) -> None:
        runs = pieces[0].losses.shape[1]
        envelope, self.reads = Envelope(runs), 0
        for piece in pieces[:covered]:
            envelope.extend(piece.losses)
        clock = [
            [each.first_step + len(each.losses) - 1, each.seconds] for each in pieces[:covered]
        ]

        def read(last: int) -> list[Chunk]:
            self.reads += 1
            assert last == covered - 1
            return pieces[:covered]

        self.curves = Curves("x", runs, read=read)
        overview = Overview(covered - 1, envelope, np.array(clock))
        self.curves.extend(pieces[covered : covered + 1], [], overview)
        self.curves.extend(pieces[covered + 1 :], [])


def test_what_an_overview_shows_is_what_all_its_chunks_show_and_none_of_them_is_read() -> None:
    losses = noise(30_000, 2)
    losses[20_000:, 1] = np.nan
    pieces = chunks(losses, [1_000] * 29)
    opened, whole = Opened(pieces, 20), Curves("x", 2)
    whole.extend(pieces, [])
    ours, theirs = opened.curves.view(runs(2)), whole.view(runs(2))
    assert ours.step == opened.curves.step == theirs.step == 30_000
    assert opened.curves.last_chunk == 29
    for one, other in zip(ours.runs, theirs.runs, strict=True):
        assert same(one.raw, other.raw)
    steps = np.array([500, 19_999, 25_000])
    np.testing.assert_array_equal(opened.curves.seconds_at(steps), whole.seconds_at(steps))
    assert opened.reads == 0


def test_smoothing_and_differences_read_what_an_overview_stands_for_once() -> None:
    pieces = chunks(noise(3_000, 2), [300] * 9)
    opened, whole = Opened(pieces, 7), Curves("x", 2)
    whole.extend(pieces, [])
    for weight in (0.5, 0.9):
        ours, theirs = (each.view(runs(2), weight) for each in (opened.curves, whole))
        for one, other in zip(ours.runs, theirs.runs, strict=True):
            assert one.smoothed is not None
            assert other.smoothed is not None
            assert same(one.smoothed, other.smoothed)
    assert opened.curves.largest_difference(0, 1) == whole.largest_difference(0, 1)
    assert opened.reads == 1


def test_who_knows_chunks_already_takes_no_overview() -> None:
    pieces = chunks(noise(90), [30, 30])
    curves = filled(noise(90), [30, 30])
    curves.extend([], [], Overview(0, Envelope(1), np.array([[30, 9.0]])))
    assert (curves.step, curves.last_chunk) == (90, 2)
    assert curves.seconds_at(np.array([30])).tolist() == [pieces[0].seconds]


# ------------------------------------------------------------------ not finite


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("steps", [200, 40_000])
def test_what_is_not_finite_is_cut(bad: float, steps: int) -> None:
    losses = noise(steps, 2)
    losses[steps // 2 :, 1] = bad
    well, broken = filled(losses, [steps // 2 - 7, 3]).view(runs(2), 0.9).runs
    for line in (broken.raw, broken.smoothed):
        assert line is not None
        assert np.isfinite(line.y).all()
        assert line.x.max() == pytest.approx(steps // 2, abs=40)
    assert well.raw.x[-1] == steps


def test_a_loss_that_recovers_is_drawn_again_but_not_smoothed() -> None:
    losses = noise(100)
    losses[40] = np.inf
    run = filled(losses).view(runs(1), 0.5).runs[0]
    assert set(range(1, 101)) - set(run.raw.x) == {41}
    assert run.smoothed is not None
    assert run.smoothed.x[-1] == 40


def test_a_run_broken_from_the_first_step_has_an_empty_line() -> None:
    run = filled(np.full((3000, 1), np.nan, np.float32)).view(runs(1), 0.5).runs[0]
    assert len(run.raw.x) == 0


def test_the_step_of_a_divergence_is_the_one_that_training_found() -> None:
    (known,) = runs(1)
    run = filled(noise(9)).view([replace(known, diverged_step=7)]).runs[0]
    assert run.diverged_step == 7


# ------------------------------------------------------------------ times and differences


def clocked() -> Curves:
    """Chunks of 10, 30 and 5 steps that ended after 1, 2 and 4 seconds."""
    curves = Curves("x", 1)
    losses = noise(45)
    curves.extend([Chunk(0, 1, 1.0, losses[:10])], [])
    curves.extend([Chunk(1, 11, 2.0, losses[10:40]), Chunk(2, 41, 4.0, losses[40:])], [])
    return curves


def test_seconds_are_read_off_the_chunks_and_between_their_ends_by_rule_of_three() -> None:
    steps = np.array([0, 5, 10, 25, 40, 41, 45])
    assert clocked().seconds_at(steps) == pytest.approx([0, 0.5, 1, 1.5, 2, 2.4, 4])
    assert clocked().seconds_at(steps[::-1])[-1] == 0
    assert clocked().seconds_at(np.array([], "i4")).tolist() == []


def test_seconds_beyond_what_was_recorded_are_the_last_known() -> None:
    assert clocked().seconds_at(np.array([46, 1000])).tolist() == [4, 4]
    assert Curves("x", 1).seconds_at(np.array([0, 7])).tolist() == [0, 0]


def test_chunks_known_already_or_after_a_gap_move_no_clock() -> None:
    curves = clocked()
    curves.extend([Chunk(2, 41, 9.0, noise(5)), Chunk(4, 99, 50.0, noise(5))], [])
    assert curves.seconds_at(np.array([45, 99])).tolist() == [4, 4]
    assert curves.step == 45


@settings(deadline=None, max_examples=50)
@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=200),
    paces=st.lists(st.floats(0, 1), min_size=200, max_size=200),
)
def test_seconds_never_run_back(sizes: list[int], paces: list[float]) -> None:
    curves = Curves("x", 1)
    ends = np.cumsum(sizes)
    seconds = np.cumsum(paces[: len(sizes)])
    for index, (end, size, at) in enumerate(zip(ends, sizes, seconds, strict=True)):
        curves.extend([Chunk(index, int(end) - size + 1, float(at), noise(size))], [])
    assert (np.diff(curves.seconds_at(np.arange(ends[-1] + 1))) >= 0).all()
    assert curves.seconds_at(ends) == pytest.approx(seconds)


def test_the_largest_difference_is_over_all_steps_of_two_runs() -> None:
    losses = noise(3_000, 3)
    losses[1_234, 2] = losses[1_234, 0] - 77
    curves = filled(losses, [100, 900])
    expected = np.abs(losses[:, 0].astype(float) - losses[:, 2]).max()
    assert curves.largest_difference(0, 2) == pytest.approx(expected, rel=1e-6)
    assert curves.largest_difference(2, 0) == curves.largest_difference(0, 2) > 70
    assert curves.largest_difference(0, 1) < 70
    assert curves.largest_difference(1, 1) == 0


def test_the_largest_difference_is_followed_as_steps_come() -> None:
    losses = noise(300, 2)
    losses[50, 1] = losses[50, 0] + 90
    losses[290:, 1] = np.nan
    curves, seen = Curves("x", 2), []
    for chunk in chunks(losses, [40, 60, 180]):
        curves.extend([chunk], [])
        seen.append(curves.largest_difference(0, 1))
    assert seen[0] < 70 < seen[1] == seen[2] == pytest.approx(90, rel=1e-5)
    assert np.isnan(seen[3])


def test_there_is_no_difference_before_the_first_step_or_of_a_broken_run() -> None:
    assert np.isnan(Curves("x", 2).largest_difference(0, 1))
    losses = noise(50, 2)
    losses[20:, 1] = np.nan
    assert np.isnan(filled(losses).largest_difference(0, 1))


def test_what_is_evaluated_is_the_view_without_its_lines() -> None:
    losses = noise(500, 3)
    losses[100:, 1] = np.nan
    curves = filled(losses, [200])
    curves.extend([], evaluations([*losses_at(range(5)), *losses_at(range(5), run=2)], 3))
    shown = runs(3)[::-1]
    bare, full = curves.evaluated(shown), curves.view(shown, 0.5).runs
    assert [run.run for run in bare] == shown
    for one, other in zip(bare, full, strict=True):
        assert len(one.raw.x) == len(one.raw.y) == 0
        assert len(other.raw.x) > 0
        assert one.smoothed is None
        assert one.diverged_step == other.diverged_step
        assert one.evaluations.keys() == other.evaluations.keys()
        for key, line in one.evaluations.items():
            for attribute in ("epochs", "steps", "values"):
                ours, theirs = getattr(line, attribute), getattr(other.evaluations[key], attribute)
                np.testing.assert_array_equal(ours, theirs)
    ends = [run.evaluation(Split.VAL, Measure.LOSS).values[-1] for run in bare]
    assert ends == pytest.approx([0.2, np.nan, 0.2], nan_ok=True)
    assert curves.step == 500


# ------------------------------------------------------------------ cursors and evaluations


def losses_at(epochs: range, run: int = 0) -> list[Score]:
    return [
        Score(run, epoch, epoch * 10, Split.VAL, Measure.LOSS, 1 / (epoch + 1)) for epoch in epochs
    ]


def test_nothing_yet() -> None:
    curves = Curves("x", 2)
    view = curves.view(runs(2), 0.9)
    assert (curves.last_chunk, curves.last_epoch, view.step) == (-1, -1, 0)
    for run in view.runs:
        assert len(run.raw.x) == 0
        assert len(run.evaluation(Split.VAL, Measure.LOSS).values) == 0


def test_what_is_known_already_is_ignored() -> None:
    curves = Curves("x", 1)
    pieces = chunks(noise(100), [50])
    for _ in range(2):
        curves.extend(pieces, evaluations(losses_at(range(5))))
        curves.extend(pieces[1:], evaluations(losses_at(range(3, 5))))
    view = curves.view(runs(1))
    assert (curves.last_chunk, curves.last_epoch, view.step) == (1, 4, 100)
    line = view.runs[0].evaluation(Split.VAL, Measure.LOSS)
    np.testing.assert_array_equal(line.epochs, range(5))
    np.testing.assert_array_equal(line.steps, range(0, 50, 10))


def test_a_chunk_after_a_gap_waits_until_it_is_read_again() -> None:
    curves = Curves("x", 1)
    first, second, third = chunks(noise(90), [30, 30])
    curves.extend([first, third], [])
    assert curves.last_chunk == 0
    curves.extend([second, third], [])
    assert curves.view(runs(1)).step == 90


def test_evaluations_are_complete_and_thinned_for_drawing() -> None:
    curves = Curves("x", 2)
    rows = losses_at(range(3_000), run=1)
    rows[1_234] = Score(1, 1_234, 12_340, Split.VAL, Measure.LOSS, 99.0)
    rows[7] = Score(1, 7, 70, Split.VAL, Measure.LOSS, np.nan)
    curves.extend([], evaluations(rows, 2))
    other, run = curves.view(runs(2)).runs
    assert len(other.evaluation(Split.VAL, Measure.LOSS).thinned().values) == 0
    whole = run.evaluation(Split.VAL, Measure.LOSS)
    assert len(whole.values) == 3_000
    drawn = whole.thinned()
    assert len(drawn.values) <= MAX_EPOCH_POINTS
    assert np.isfinite(drawn.values).all()
    assert 99 in drawn.values
    assert drawn.epochs[-1] == 2_999
    np.testing.assert_array_equal(drawn.steps, drawn.epochs * 10)


def test_a_view_stays_as_it_was() -> None:
    curves = filled(noise(50))
    curves.extend([], evaluations(losses_at(range(60))))
    before = curves.view(runs(1)).runs[0]
    line = before.evaluation(Split.VAL, Measure.LOSS)
    copy = line.values.copy()
    curves.extend([Chunk(1, 51, 0.1, noise(5_000))], evaluations(losses_at(range(60, 900))))
    assert len(before.raw.x) == 50
    np.testing.assert_array_equal(line.values, copy)


def test_sessions_share_one() -> None:
    losses = noise(20_000, 2)
    pieces = chunks(losses, [100] * 199)
    curves = Curves("x", 2)

    def follow() -> None:
        while curves.last_chunk < len(pieces) - 1:
            fresh = pieces[curves.last_chunk + 1 :][:7]
            curves.extend(fresh, [])
            assert curves.view(runs(2), 0.9).step % 100 == 0

    threads = [threading.Thread(target=follow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    shared, alone = curves.view(runs(2)), filled(losses).view(runs(2))
    assert all(same(a.raw, b.raw) for a, b in zip(shared.runs, alone.runs, strict=True))
