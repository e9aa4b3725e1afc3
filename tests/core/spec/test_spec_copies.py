"""A changed copy of a spec has the lineup of what it has now, as has one of another process."""

from __future__ import annotations

import pickle

import pytest

from core.data import DATASETS, DataSpec
from core.losses import fitting
from core.spec import ExperimentSpec
from tests.core.experiments import entrants


def test_a_changed_copy_has_its_own_lineup():
    spec = ExperimentSpec(entrants=entrants("cross_entropy", "mse"))
    assert [each.learning_rate for each in spec.lineup] == [0.001, 0.001]
    faster = spec.optimizer.model_copy(update={"learning_rate": 0.5})
    copy = spec.model_copy(update={"optimizer": faster, "entrants": entrants("bce", "hinge")})
    assert [each.title for each in copy.lineup] == ["BCE", "Hinge"]
    assert [each.learning_rate for each in copy.lineup] == [0.5, 0.5]
    assert [each.title for each in spec.lineup] == ["CrossEntropy", "MSE"]


@pytest.mark.parametrize("data", ["moons", "diabetes"])
def test_it_goes_to_another_process_with_whatever_entrants(data):
    for loss in fitting(DATASETS[data].task):
        spec = ExperimentSpec(data=DataSpec(name=data), entrants=entrants(loss.key))
        again = pickle.loads(pickle.dumps(spec))
        assert again == spec
        assert again.lineup == spec.lineup
