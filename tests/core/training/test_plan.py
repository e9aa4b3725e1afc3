"""How an experiment is stepped: the same numbers whichever way, and never by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from core.records import Progress
from core.spec import ExperimentSpec
from core.training import part, plan, train
from core.training.capture import Differentiate
from core.training.plan import Plan
from core.training.preparation import prepare
from tests.core.spec.generated import specs

CPU = torch.device("cpu")
RIVALS = ("cross_entropy", "bce", "mse")


def spec_of(seeds: int, **parts: object) -> ExperimentSpec:
    base = {
        "data": {"name": "digits"},
        "network": {"hidden_sizes": [24, 12]},
        "training": {"batch_size": 64, "epochs": 2, "device": "cpu"},
        "entrants": [{"loss": loss} for loss in RIVALS],
        "seeds": list(range(seeds)),
    }
    return ExperimentSpec.parse(base | parts)


def losses(spec: ExperimentSpec) -> np.ndarray:
    return recorded(list(train(spec)))


def recorded(reports: list[Progress]) -> np.ndarray:
    return np.concatenate([report.losses for report in reports])


def scores(reports: list[Progress]) -> list[tuple[int, bytes]]:
    return [
        (each.epoch, each.values.tobytes()) for report in reports for each in report.evaluations
    ]


def arrays(report: Progress) -> dict[str, bytes]:
    """What its snapshot holds."""
    assert report.snapshot is not None
    return {
        field.name: np.asarray(getattr(report.snapshot, field.name)).tobytes()
        for field in fields(report.snapshot)
    }


def in_parts(monkeypatch: pytest.MonkeyPatch, spec: ExperimentSpec, runs: int) -> list[slice]:
    """Has so many runs stepped together."""
    monkeypatch.setattr(plan, "runs_at_once", lambda spec: runs)
    return list(Plan.of(spec, CPU).parts)


@settings(deadline=None)
@given(specs())
def test_every_run_is_in_one_part_of_whole_entrants_or_of_one(spec: ExperimentSpec) -> None:
    parts = Plan.of(spec, CPU).parts
    assert [run for runs in parts for run in range(runs.start, runs.stop)] == list(
        range(spec.run_count)
    )
    seeds = len(spec.seeds)
    for runs in parts:
        is_whole = runs.start % seeds == 0 and runs.stop % seeds == 0
        assert is_whole or runs.start // seeds == (runs.stop - 1) // seeds


@pytest.mark.parametrize("runs", [1, 2, 3, 5])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_run_gets_the_same_with_whichever_others_it_is_stepped(
    monkeypatch: pytest.MonkeyPatch, runs: int, activation: str
) -> None:
    """But for rounding: the library sums a single run's products by another routine, and those of
    many in an order that depends on where in memory a matrix starts."""
    spec = spec_of(4, network={"hidden_sizes": [24, 12], "activation": activation})
    together = losses(spec)
    parts = in_parts(monkeypatch, spec, runs)
    assert len(parts) > 1
    np.testing.assert_allclose(losses(spec), together, rtol=2e-4)


@pytest.mark.parametrize("runs", [1, 3])
def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch, runs: int) -> None:
    spec = spec_of(3)
    in_parts(monkeypatch, spec, runs)
    one = list(train(spec))
    monkeypatch.setenv("LOSSLAB_THREADS", "3")
    assert Plan.of(spec, CPU).threads == 3
    three = list(train(spec))
    assert recorded(three).tobytes() == recorded(one).tobytes()
    assert scores(three) == scores(one)
    assert arrays(three[-1]) == arrays(one[-1])


@pytest.mark.parametrize("threads", [1, 3])
def test_parts_have_as_many_workspaces_as_are_stepped_side_by_side(
    monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    spec = spec_of(3)
    in_parts(monkeypatch, spec, 1)
    monkeypatch.setenv("LOSSLAB_THREADS", str(threads))
    prepared = prepare(spec)
    for number in (1, 2, 3):
        for block in prepared.epoch(number):
            prepared.learner.step(block)
    used = {space for part in prepared.learner.parts for _size, space in part._rooms}
    assert len(prepared.learner.parts) == spec.run_count
    assert 1 <= len(used) <= threads


def test_a_single_run_shares_its_operations_between_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOSSLAB_THREADS", "3")
    alone = spec_of(1, entrants=[{"loss": "mse"}])
    assert (Plan.of(alone, CPU).threads, Plan.of(alone, CPU).threads_within) == (1, 3)


#: What a piece of a batch could get wrong: a mean over the whole batch, a loss that changes.
DEALT_OUT: dict[str, dict[str, object]] = {
    "plain": {"loss": "mse"},
    "weights": {"parameters": {"class_weights": [*range(1, 11)]}},
    "switch": {"then": {"step": 3, "loss": "bce"}},
}


@pytest.mark.parametrize("entrant", DEALT_OUT.values(), ids=DEALT_OUT)
def test_a_single_run_gets_the_same_from_a_batch_that_is_dealt_out(
    monkeypatch: pytest.MonkeyPatch, entrant: dict[str, object]
) -> None:
    """Also from an epoch's last one, which is smaller."""
    spec = spec_of(
        1,
        # Adam would not see a factor of the gradient.
        optimizer={"name": "sgd", "learning_rate": 0.1},
        training={"batch_size": 160, "epochs": 2, "device": "cpu"},
        entrants=[{"loss": "cross_entropy"} | entrant],
    )
    monkeypatch.setenv("LOSSLAB_THREADS", "1")
    assert Plan.of(spec, CPU).pieces == 1
    whole = losses(spec)
    monkeypatch.setenv("LOSSLAB_THREADS", "2")
    planned = Plan.of(spec, CPU)
    assert (planned.pieces, planned.threads, planned.threads_within) == (2, 2, 1)
    in_pieces = losses(spec)
    np.testing.assert_allclose(in_pieces, whole, rtol=2e-4)
    assert losses(spec).tobytes() == in_pieces.tobytes()


def test_a_batch_is_dealt_out_where_that_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = 8
    monkeypatch.setattr(plan, "usable_cores", lambda: cores)

    def pieces(hidden: list[int], rows: int, seeds: int = 1) -> int:
        spec = spec_of(
            seeds,
            entrants=[{"loss": "cross_entropy"}],
            network={"hidden_sizes": hidden},
            training={"batch_size": rows, "epochs": 1, "device": "cpu"},
        )
        return Plan.of(spec, CPU).pieces

    assert pieces([8], 1438) == 1
    assert pieces([128] * 3, 32) == 1
    assert pieces([512, 512], 256) == 4
    assert pieces([128] * 3, 1438) == 8
    assert pieces([2048, 2048], 1438) == 1
    assert pieces([128] * 3, 1438, seeds=2) == 8
    assert pieces([128] * 3, 1438, seeds=16) == 1
    cores = 2
    assert [pieces([128] * 3, 1438, seeds) for seeds in (1, 2, 3, 5, 15)] == [2, 1, 2, 2, 1]
    assert pieces([128] * 3, 32, seeds=3) == 1


@pytest.mark.parametrize("protocol", ["same_rate", "matched_gradients", "one_function"])
def test_large_runs_of_a_race_are_dealt_out_one_after_another(
    monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    """With heads of different widths, a factor for all gradients and one for those of the head."""
    monkeypatch.setattr(plan, "_BYTES_SIDE_BY_SIDE", 0)
    monkeypatch.setenv("LOSSLAB_THREADS", "2")
    spec = spec_of(
        2,
        data={"name": "moons"},
        optimizer={"name": "sgd", "learning_rate": 0.1},
        training={"batch_size": 150, "epochs": 3, "device": "cpu", "protocol": protocol},
        entrants=[{"loss": "bce"}, {"loss": "cross_entropy"}],
    )
    in_parts(monkeypatch, spec, 1)
    planned = Plan.of(spec, CPU)
    assert (len(planned.parts), planned.threads, planned.pieces) == (4, 2, 2)
    in_pieces = losses(spec)
    assert losses(spec).tobytes() == in_pieces.tobytes()
    monkeypatch.setenv("LOSSLAB_THREADS", "1")
    assert Plan.of(spec, CPU).pieces == 1
    np.testing.assert_allclose(in_pieces, losses(spec), rtol=2e-4)


def test_no_batch_is_dealt_out_to_a_loss_that_compares_its_examples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOSSLAB_THREADS", "2")

    def pieces(*losses: str) -> int:
        later = {"then": {"step": 1, "loss": losses[1]}} if losses[1:] else {}
        training = {"batch_size": 200, "epochs": 1, "device": "cpu"}
        entrants = [{"loss": losses[0]} | later]
        parts = {"data": {"name": "diabetes"}, "training": training, "entrants": entrants}
        return Plan.of(spec_of(1, **parts), CPU).pieces

    assert pieces("mse") == 2
    assert pieces("broadcast_mse") == 1
    assert pieces("mse", "broadcast_mse") == 1


def test_on_a_gpu_all_runs_are_stepped_together(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(3)
    in_parts(monkeypatch, spec, 2)
    monkeypatch.setenv("LOSSLAB_THREADS", "3")
    planned = Plan.of(spec, torch.device("cuda"))
    assert (planned.parts, planned.threads) == ((slice(0, spec.run_count),), 1)


@pytest.mark.parametrize("losses_raced", [RIVALS, RIVALS[:1]])
def test_a_step_in_tensors_that_stay_the_same_is_the_step(
    monkeypatch: pytest.MonkeyPatch, losses_raced: tuple[str, ...]
) -> None:
    """What a graph on a GPU does with its inputs and its logits, here call by call."""
    spec = spec_of(2, entrants=[{"loss": loss} for loss in losses_raced])
    expected = losses(spec)

    def in_its_own(differentiate: Differentiate, like: Sequence[Tensor]) -> Differentiate:
        own = [each.clone() for each in like]

        def replay(tensors: Sequence[Tensor]) -> None:
            for mine, new in zip(own, tensors, strict=True):
                mine.copy_(new)
            differentiate(own)

        return replay

    follow = part._Room.follow

    def captured_too(self: part._Room, shares: Sequence[part.Share]) -> None:
        follow(self, shares)
        self._is_captured = True

    monkeypatch.setattr(part, "captured", in_its_own)
    monkeypatch.setattr(part._Room, "follow", captured_too)
    np.testing.assert_allclose(losses(spec), expected, rtol=1e-5)
