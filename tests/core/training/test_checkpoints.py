"""From a checkpoint training goes on to the same bits as if it had never been interrupted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from core.data import DataSpec
from core.errors import SpecError
from core.records import Checkpoint, Progress, Status
from core.spec import (
    Activation,
    EntrantSpec,
    ExperimentSpec,
    NetworkSpec,
    OptimizerName,
    OptimizerSpec,
    Protocol,
    SwitchSpec,
    TrainingSpec,
)
from core.training import recording, train
from tests.core.experiments import entrants


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report after each block of steps, each with a checkpoint."""
    for name in ("REPORT_EVERY", "FIRST_REPORT_AFTER", "CHECKPOINT_EVERY", "SNAPSHOT_EVERY"):
        monkeypatch.setattr(recording, name, 0.0)
    monkeypatch.setattr(recording, "_CHECKPOINT_SHARE", 1e9)


def spec_of(**changes: Any) -> ExperimentSpec:
    """Short, with a last batch of each epoch that is smaller than the others."""
    common: dict[str, Any] = {
        "data": DataSpec(name="moons", rows=150),
        "network": NetworkSpec(hidden_sizes=(8, 4)),
        "entrants": entrants("cross_entropy", "bce", "mse"),
        "seeds": (0, 1),
        "training": TrainingSpec(epochs=4, batch_size=7),
    }
    return ExperimentSpec(**common | changes)


def of(name: OptimizerName, rate: float = 0.01, **more: float) -> dict[str, Any]:
    return {"optimizer": OptimizerSpec(name=name, learning_rate=rate, **more)}


RATES = (EntrantSpec(loss="mse", learning_rate=0.02), EntrantSpec(loss="cross_entropy"))
SPECS: dict[str, dict[str, Any]] = {
    "adam": of(OptimizerName.ADAM),
    "adamw": of(OptimizerName.ADAMW, weight_decay=0.1),
    "sgd": of(OptimizerName.SGD, 0.1),
    "momentum": of(OptimizerName.MOMENTUM, 0.1),
    "one run": {"entrants": entrants("mse"), "seeds": (3,)},
    "rates of their own": {"entrants": RATES},
    "best rates": {"training": TrainingSpec(epochs=2, batch_size=50, protocol=Protocol.BEST_RATE)},
    "matched gradients": {
        "training": TrainingSpec(epochs=3, batch_size=40, protocol=Protocol.MATCHED_GRADIENTS),
        **of(OptimizerName.SGD, 0.1),
    },
    "full batch": {"training": TrainingSpec(epochs=6, batch_size=120)},
    "values": {
        "data": DataSpec(name="diabetes"),
        "entrants": entrants("mse", "huber"),
        "network": NetworkSpec(hidden_sizes=(4,), activation=Activation.TANH),
        "training": TrainingSpec(epochs=3, batch_size=50),
    },
    "one diverges": {
        "data": DataSpec(name="diabetes"),
        "entrants": (EntrantSpec(loss="mse", learning_rate=50), EntrantSpec(loss="l1")),
        "training": TrainingSpec(epochs=3, batch_size=50),
        **of(OptimizerName.SGD, 0.001),
    },
    "losses switched": {
        "entrants": (
            EntrantSpec(loss="cross_entropy", then=SwitchSpec(step=20, loss="focal")),
            EntrantSpec(loss="cross_entropy", then=SwitchSpec(step=36, loss="mse_on_raw_outputs")),
        ),
    },
}


def interrupted(spec: ExperimentSpec, at: int) -> Iterator[Progress]:
    """The reports of a training that ends after report ``at``, and of one that goes on there."""
    checkpoint: Checkpoint | None = None
    for number, report in enumerate(train(spec, kept_seconds=1000.0)):
        checkpoint = report.checkpoint
        yield report
        if number == at:
            break
    assert checkpoint is not None
    again = Checkpoint.from_bytes(checkpoint.to_bytes())
    yield from train(spec, kept_seconds=1000.0, after=again)


def same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, np.asarray(other), equal_nan=one.dtype.kind == "f")
    return one == other


def expect_same(reports: list[Progress], plain: list[Progress]) -> None:
    losses, expected = (np.concatenate([r.losses for r in rs]) for rs in (reports, plain))
    assert losses.tobytes() == expected.tobytes()
    judged, of_plain = ([e for r in rs for e in r.evaluations] for rs in (reports, plain))
    assert [each.epoch for each in judged] == [each.epoch for each in of_plain]
    for one, other in zip(judged, of_plain, strict=True):
        assert (one.step, one.columns) == (other.step, other.columns)
        assert one.values.tobytes() == other.values.tobytes()
    last, last_of_plain = reports[-1], plain[-1]
    assert (last.step, last.epoch, last.outcome) == (
        last_of_plain.step,
        last_of_plain.epoch,
        last_of_plain.outcome,
    )
    assert last.diverged_steps == last_of_plain.diverged_steps
    assert last.snapshot is not None
    assert last_of_plain.snapshot is not None
    for field in dataclasses.fields(last.snapshot):
        pair = (getattr(each, field.name) for each in (last.snapshot, last_of_plain.snapshot))
        assert same(*pair), field.name


@pytest.mark.some(5)
@pytest.mark.usefixtures("_often")
@pytest.mark.parametrize("name", SPECS)
def test_it_goes_on_to_the_same_bits_from_everywhere(name: str) -> None:
    spec = spec_of(**SPECS[name])
    plain = list(train(spec, kept_seconds=1000.0))
    with_one = [at for at, report in enumerate(plain) if report.checkpoint]
    assert len(with_one) >= spec.training.epochs - 1
    for at in with_one[:: max(1, len(with_one) // 9)]:
        expect_same(list(interrupted(spec, at)), plain)


@pytest.mark.usefixtures("_often")
def test_a_rest_has_a_checkpoint_and_changes_nothing() -> None:
    spec = spec_of()
    plain = list(train(spec, kept_seconds=1000.0))
    for at in (2, 5, 8):
        reports = train(spec, kept_seconds=1000.0)
        for _number in range(at):
            next(reports)
        look = reports.send(True)
        assert look.checkpoint is not None
        assert look.checkpoint.step == look.step
        rest = list(train(spec, kept_seconds=1000.0, after=look.checkpoint))
        assert rest[-1].outcome is Status.FINISHED
        assert rest[-1].snapshot is not None
        assert plain[-1].snapshot is not None
        assert rest[-1].snapshot.order_sha256 == plain[-1].snapshot.order_sha256
        assert same(rest[-1].snapshot.scores, plain[-1].snapshot.scores)


def test_a_short_training_makes_none() -> None:
    assert not any(report.checkpoint for report in train(spec_of()))


@pytest.mark.usefixtures("_often")
def test_one_that_is_too_large_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_MOST_CHECKPOINT_BYTES", 100)
    assert not any(report.checkpoint for report in train(spec_of()))


@pytest.mark.usefixtures("_often")
def test_one_of_another_network_is_refused() -> None:
    checkpoint = next(each.checkpoint for each in train(spec_of()) if each.checkpoint)
    with pytest.raises(SpecError, match="another version"):
        list(train(spec_of(network=NetworkSpec(hidden_sizes=(5,))), after=checkpoint))


@pytest.mark.parametrize("content", [b"", b"PK", b"\x00" * 100])
def test_bytes_that_are_none_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="can't be read"):
        Checkpoint.from_bytes(content)
