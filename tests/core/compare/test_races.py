"""A stored race whose losses repeat: each entrant by its place, with a title of its own."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from core.compare.conditions import held_equal, protocol_line, trunks_agree
from core.compare.courses import CurveAxis, courses, judged_split, shared_courses
from core.compare.pairs import Scope
from core.compare.scores import Standing, scopes, score_text
from core.compare.summary import summary
from core.compare.verdict import best_of
from core.judging.yardsticks import Reading, shared, yardsticks
from core.records import Facts, Measure, Split
from core.spec import ExperimentSpec, Protocol
from tests.core.experiments import entrants
from tests.core.races import Race, raced
from tests.core.tidy import scores
from tests.facts import facts_with

#: One loss at three rates, one in two settings, two expressions, and a loss of scores.
ENTRANTS = [
    {"loss": "cross_entropy", "learning_rate": 0.0001},
    {"loss": "cross_entropy"},
    {"loss": "focal", "parameters": {"gamma": 0.5}},
    {"loss": "focal", "parameters": {"gamma": 5.0}},
    {"loss": "custom", "expression": "-y * log(p)"},
    {"loss": "custom", "expression": "abs(p - y)", "name": "<b>x</b>"},
    {"loss": "hinge"},
    {"loss": "cross_entropy", "learning_rate": 0.0001},
]
SEEDS = (4, 0, 2)


@pytest.fixture(scope="module")
def race(tmp_path_factory: pytest.TempPathFactory) -> Race:
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "iris"},
            "network": {"hidden_sizes": [8]},
            "optimizer": {"learning_rate": 0.02},
            "training": {"epochs": 6, "device": "cpu"},
            "entrants": ENTRANTS,
            "seeds": SEEDS,
        }
    )
    return raced(tmp_path_factory.mktemp("race"), spec)


def standing_of(race: Race, scope: Scope = Scope.SPLITS) -> Standing:
    return Standing.of(race.spec, race.snapshot, [run.diverged_step for run in race.runs], scope)


def values_of(race: Race, place: int, split: Split, measure: Measure) -> np.ndarray:
    """``[S, E]`` from the rows of the database, by what the runs say of themselves."""
    runs = [run.index for run in race.runs if run.entrant == place]
    assert [race.runs[run].seed for run in runs] == list(SEEDS)
    found = {
        (row.run, row.epoch): row.value
        for row in scores(race.evaluations)
        if (row.split, row.measure) == (split, measure)
    }
    return np.array([[found[run, epoch] for epoch in range(7)] for run in runs])


def test_titles_tell_the_entrants_apart(race):
    titles = [entrant.title for entrant in race.spec.lineup]
    assert len(set(titles)) == len(ENTRANTS)
    assert titles[0] == "CrossEntropy, rate 0.0001 #1"
    assert titles[1] == "CrossEntropy"
    assert titles[5:] == ["<b>x</b>", "Hinge", "CrossEntropy, rate 0.0001 #2"]


@pytest.mark.parametrize(
    ("split", "measure"),
    [
        (Split.TRAIN, Measure.LOSS),
        (Split.TRAIN, Measure.ACCURACY),
        (Split.VAL, Measure.LOSS),
        (Split.VAL, Measure.ACCURACY),
        (Split.VAL, Measure.NLL),
    ],
)
def test_a_course_has_the_runs_of_its_place(race, split, measure):
    found = courses(race.drawn, race.spec, split, measure)
    assert [course.entrant for course in found] == list(race.spec.lineup)
    for place, course in enumerate(found):
        assert course.seeds == SEEDS
        np.testing.assert_array_equal(course.epochs, range(7))
        np.testing.assert_array_equal(course.steps, np.arange(7) * race.spec.steps_per_epoch)
        expected = values_of(race, place, split, measure)
        np.testing.assert_allclose(course.values, expected, rtol=1e-6)
        assert np.isnan(course.values).all() == (place == 6 and measure is Measure.NLL)
        np.testing.assert_array_equal(
            course.positions(CurveAxis.EPOCH, race.curves), np.arange(7.0)
        )


def test_twins_have_one_course_and_other_rates_others(race):
    by_place = [course.values for course in courses(race.drawn, race.spec, Split.VAL, Measure.LOSS)]
    np.testing.assert_allclose(by_place[0], by_place[7], rtol=1e-6)
    assert np.abs(by_place[0] - by_place[1]).max() > 0.01
    assert np.abs(by_place[2] - by_place[3]).max() > 0.01
    # CrossEntropy as a person may write it is CrossEntropy.
    np.testing.assert_allclose(by_place[4], by_place[1], rtol=1e-4, atol=1e-6)


def test_skill_is_of_each_seeds_own_constant(race):
    facts = race.experiment.facts
    for judged_by in shared(race.spec.dataset):
        found = shared_courses(race.drawn, race.spec, facts, judged_by)
        for place, course in enumerate(found):
            expected = values_of(race, place, Split.VAL, judged_by.measure)
            if judged_by.reading is Reading.SKILL:
                null = np.array(facts.null_scores[judged_by.measure])[:, None]
                expected = (null - expected) / null
            if judged_by.reading is Reading.ERROR:
                expected = np.maximum(1 - expected, 0.5 / race.spec.data.validation_rows)
            np.testing.assert_allclose(course.values, expected, rtol=1e-4, atol=1e-6)


def test_the_matrix_has_a_row_for_each_place(race):
    standing = standing_of(race)
    columns = standing.matrix
    assert [column.yardstick for column in columns] == list(yardsticks(race.spec.dataset.task))
    for column in columns:
        assert column.scores.shape == (len(ENTRANTS), len(SEEDS))
        np.testing.assert_array_equal(
            column.scores.ravel(), race.snapshot.score(column.yardstick.measure)
        )
        if column.yardstick.is_judged_each_epoch:
            for place, row in enumerate(column.scores):
                last = values_of(race, place, Split.VAL, column.yardstick.measure)[:, -1]
                np.testing.assert_allclose(row, last, rtol=1e-5)
        # In bold is who the verdicts by this yardstick say beats every other.
        winner = best_of(standing.verdicts(race.drawn, column.yardstick))
        titles = [entrant.title for entrant in race.spec.lineup]
        assert column.best == (titles.index(winner.title) if winner else None)
    # Twins share the best place, if it is theirs: then nobody has it.
    assert all(column.best not in (0, 7) for column in columns)


def test_a_verdict_is_of_two_places_and_names_them_by_their_titles(race):
    yardstick = yardsticks(race.spec.dataset.task)[0]
    pairs = standing_of(race).verdicts(race.drawn, yardstick)
    titles = [entrant.title for entrant in race.spec.lineup]
    assert [(each.a.title, each.b.title) for each in pairs] == [*itertools.combinations(titles, 2)]
    final = standing_of(race).scores(yardstick.measure)
    for (a, b), pair in zip(itertools.combinations(range(len(titles)), 2), pairs, strict=True):
        np.testing.assert_array_equal(pair.a.scores, final[a])
        np.testing.assert_array_equal(pair.b.scores, final[b])
        assert pair.difference.mean == pytest.approx((final[a] - final[b]).mean(), abs=1e-12)
    twins = pairs[titles.index(titles[7]) - 1]
    assert (twins.a.title, twins.b.title) == (titles[0], titles[7])
    assert twins.winner is None


def test_who_gives_no_probabilities_is_named_by_its_title(race):
    nll = next(each for each in yardsticks(race.spec.dataset.task) if each.needs_probabilities)
    said = summary(standing_of(race).verdicts(race.drawn, nll), nll)
    assert [line for line in said if "not probabilities" in line] == [
        "Hinge's outputs are not probabilities, so it has no NLL."
    ]


def test_a_diverged_seed_ends_its_own_course_alone(tmp_path):
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "diabetes"},
            "network": {"hidden_sizes": []},
            "optimizer": {"name": "sgd", "learning_rate": 0.001},
            "training": {"epochs": 5, "device": "cpu"},
            "entrants": [{"loss": "mse"}, {"loss": "mse", "learning_rate": 1000.0}],
            "seeds": [0, 1],
        }
    )
    race = raced(tmp_path, spec)
    calm, wild = courses(race.drawn, spec, Split.VAL, Measure.MSE)
    assert calm.diverged_steps == (None, None)
    assert np.isfinite(calm.values).all()
    for row, step in zip(wild.values, wild.diverged_steps, strict=True):
        assert step is not None
        assert np.isnan(row[wild.steps >= step]).all()
        assert np.isfinite(row[0])
    assert [run.diverged_step is None for run in race.runs] == [True, True, False, False]
    r2 = yardsticks(spec.dataset.task)[0]
    assert summary(standing_of(race).verdicts(race.drawn, r2), r2)[0] == (
        "MSE, rate 1000 diverged in 2 of 2 seeds; none is left."
    )


# ------------------------------------------------------------------ one epoch, one mask


def test_what_came_after_the_snapshot_counts_for_nothing(race):
    """In mid-race, evaluations are ahead of the snapshot."""
    yardstick = yardsticks(race.spec.dataset.task)[0]
    early = replace(race.snapshot, epoch=1, step=race.spec.steps_per_epoch)
    standing = Standing.of(race.spec, early, [None] * race.spec.run_count)
    late = standing_of(race)
    for one, other in zip(
        standing.verdicts(race.drawn, yardstick), late.verdicts(race.drawn, yardstick), strict=True
    ):
        known = np.where(other.a.arrivals <= early.step, other.a.arrivals, np.nan)
        np.testing.assert_array_equal(one.a.arrivals, known)
    assert any(
        np.isfinite(each.a.arrivals).any() and (each.a.arrivals > early.step).any()
        for each in late.verdicts(race.drawn, yardstick)
    )


def test_a_diverged_run_is_missing_everywhere(race):
    """Also one that had good scores, and had arrived, before it diverged."""
    steps = [None] * race.spec.run_count
    place = 1
    lost = race.spec.runs_of(place).start
    steps[lost] = race.snapshot.step
    standing = Standing.of(race.spec, race.snapshot, steps)
    whole = standing_of(race)
    for column, before in zip(standing.matrix, whole.matrix, strict=True):
        assert np.isnan(column.scores[place, 0])
        assert np.isfinite(before.scores[place]).all()
        assert score_text(column, place).endswith("(2 of 3 seeds)")
        yardstick = column.yardstick
        pairs = standing.verdicts(race.drawn, yardstick)
        entrant = pairs[0].b
        np.testing.assert_array_equal(entrant.scores, column.scores[place])
        # The threshold is a share of the best mean of what is left.
        if pairs[0].threshold is not None:
            best = max(np.nanmean(row) for row in column.scores if np.isfinite(row).any())
            assert pairs[0].threshold == pytest.approx(0.95 * best)
            assert np.isnan(entrant.arrivals[0])
            assert pairs[0].arrivals.seeds == 2


# ------------------------------------------------------------------ on these splits, on new data


def test_on_new_data_the_overlap_is_that_of_held_out_and_training_rows(race):
    data = race.spec.data
    assert (data.validation_rows, data.train_rows) == (30, 120)
    yardstick = yardsticks(race.spec.dataset.task)[0]
    assert standing_of(race).overlap == 0
    new = standing_of(race, Scope.NEW_DATA)
    assert new.overlap == 0.25
    for one, other in zip(
        standing_of(race).verdicts(race.drawn, yardstick),
        new.verdicts(race.drawn, yardstick), strict=True,
    ):  # fmt: skip
        a, b = one.difference, other.difference
        assert (b.mean, b.sd) == (a.mean, a.sd)
        if a.level == b.level and a.sd > 0:
            widths = b.high - b.low, a.high - a.low
            assert widths[0] / widths[1] == pytest.approx(((1 / 3 + 0.25) / (1 / 3)) ** 0.5)
    texts = [score_text(each.matrix[0], 1) for each in (standing_of(race), new)]
    assert texts[0] != texts[1]


def test_new_data_is_asked_of_where_seeds_share_rows_and_some_are_held_out():
    assert scopes(ExperimentSpec.parse({"data": {"name": "digits"}})) == tuple(Scope)
    for name in ("moons", "lesson"):
        assert scopes(ExperimentSpec.parse({"data": {"name": name}})) == (Scope.SPLITS,)
    noiseless = ExperimentSpec.parse({"data": {"name": "moons", "noise": 0}})
    assert scopes(noiseless) == tuple(Scope)


# ------------------------------------------------------------------ a loss against itself


def test_only_another_head_makes_an_entrant_race_itself(tmp_path):
    entrants = [
        {"loss": "mse"},
        {"loss": "mse", "head_seed": 1, "name": "Again"},
        {"loss": "mse", "head_seed": 1, "learning_rate": 0.5},
        {"loss": "mse", "learning_rate": 0.001},
    ]
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "iris"},
            "training": {"epochs": 1, "device": "cpu"},
            "entrants": entrants,
            "seeds": [0, 1, 2],
        }
    )
    race = raced(tmp_path, spec)
    yardstick = yardsticks(spec.dataset.task)[0]
    pairs = standing_of(race).verdicts(race.drawn, yardstick)
    checks = [(each.a.title, each.b.title) for each in pairs if each.is_aa_check]
    first, again, _, same = (entrant.title for entrant in spec.lineup)
    # The last is the first: its rate is that of all, and so is its head.
    assert checks == [(first, again), (again, same)]
    nll = standing_of(race).scores(Measure.NLL)
    assert (nll[0] != nll[1]).all()
    np.testing.assert_array_equal(nll[0], nll[3])


# ------------------------------------------------------------------ what was held equal


def test_the_trunks_agree_and_one_that_does_not_is_seen(race):
    assert trunks_agree(race.experiment) is True
    assert len(set(race.experiment.facts.trunk_sha256)) == len(SEEDS)


def test_rates_of_their_own_are_told_with_their_titles(race):
    line = protocol_line(race.spec, race.experiment.facts)
    assert line.startswith(
        "learning rates CrossEntropy, rate 0.0001 #1 0.0001, CrossEntropy 0.02, "
    )
    assert line.endswith("<b>x</b> 0.02, Hinge 0.02, CrossEntropy, rate 0.0001 #2 0.0001")


def test_the_line_has_the_numbers_of_its_protocol():
    def line(protocol: Protocol, **facts: object) -> str:
        spec = ExperimentSpec.parse(
            {
                "entrants": entrants("mse", "bce"),
                "optimizer": {"name": "sgd"},
                "training": {"protocol": protocol},
            }
        )
        return protocol_line(spec, facts_with(**facts) if facts else None)

    assert line(Protocol.SAME_RATE) == "the same learning rate for all: 0.001"
    best = "each entrant with its own best learning rate from the same budget"
    assert line(Protocol.BEST_RATE) == best
    assert line(Protocol.BEST_RATE, learning_rates=[0.5, 1000.0]) == f"{best}: MSE 0.5, BCE 1000"
    assert line(Protocol.MATCHED_GRADIENTS, gradient_scales=[1.0, 24.68]) == (
        "first gradients of one size, gradients times MSE 1, BCE 24.7; the same learning rate"
    )


def equal_of(
    *them: str | dict[str, object], facts: Facts | None = None, **parts: object
) -> tuple[list[str], list[str]]:
    described = [{"loss": each} if isinstance(each, str) else each for each in them]
    spec = {"entrants": described, "optimizer": {"name": "sgd", "learning_rate": 0.1}}
    return held_equal(ExperimentSpec.parse(spec | parts), facts)


ALWAYS = ["first weights of the hidden layers", "batches and their order", "split", "100 epochs"]
START = "first weights of the last layer"
WIDER = "last layer, which has as many outputs as the loss needs"


def test_what_is_equal_is_what_is_equal():
    assert equal_of("mse", "bce") == (
        [*ALWAYS, "first weights of the last layer", "learning rate 0.1"],
        ["loss"],
    )
    on_moons = equal_of("cross_entropy", "bce", data={"name": "moons"})
    assert on_moons == ([*ALWAYS, "learning rate 0.1"], ["loss", WIDER, START])
    twice = [{"loss": "mse"}, {"loss": "mse", "learning_rate": 0.2}]
    assert equal_of(*twice) == (
        [*ALWAYS, "loss", "first weights of the last layer"],
        ["learning rate"],
    )
    assert equal_of("mse", "mse")[1] == []
    assert equal_of("mse", {"loss": "mse", "head_seed": 1})[1] == [START]
    lesson = equal_of("cross_entropy", "mse", data={"name": "lesson"})
    assert lesson[0][2] == "training rows"


def test_a_rate_is_not_called_equal_before_it_is_known():
    held = {"training": {"protocol": Protocol.BEST_RATE}}
    searching = equal_of("mse", "bce", **held)
    assert searching[1] == ["loss", "learning rate, which is still being looked for"]
    assert not any("learning rate" in each for each in searching[0])
    found = equal_of("mse", "bce", facts=facts_with(learning_rates=[0.5, 1.0]), **held)
    assert found[1] == ["loss", "learning rate"]
    same = equal_of("mse", "bce", facts=facts_with(learning_rates=[0.5, 0.5]), **held)
    assert "learning rate 0.5" in same[0]


def test_who_learns_faster_and_whose_gradients_are_scaled_is_named_as_different():
    one = equal_of(
        "cross_entropy",
        "bce",
        data={"name": "moons"},
        training={"protocol": Protocol.ONE_FUNCTION},
    )
    assert one[0][-1] == "learning rate 0.1 of the hidden layers"
    assert one[1] == ["loss", WIDER, START, "learning rate of the last layer, 0.1, and 0.2 for BCE"]
    matched = equal_of("mse", "bce", training={"protocol": Protocol.MATCHED_GRADIENTS})
    assert matched[0][-1] == "learning rate 0.1"
    assert matched[1] == ["loss", "factor on the gradients, so that the first ones are of one size"]


def test_the_rows_that_are_judged_are_those_held_out_or_all():
    assert judged_split(ExperimentSpec()) is Split.VAL
    assert judged_split(ExperimentSpec.parse({"data": {"name": "lesson"}})) is Split.TRAIN
