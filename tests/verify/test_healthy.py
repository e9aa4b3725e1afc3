"""Healthy trainings as long as the form's defaults have them: at no epoch is anything found."""

from __future__ import annotations

import pytest

from core.data import DATASETS
from core.example import SPEC
from core.spec import ExperimentSpec
from pages.parts.form.entrants import preset
from tests.core.compare.diagnosed import Trained


@pytest.mark.parametrize("data", DATASETS)
@pytest.mark.parametrize("defaults", [SPEC, ExperimentSpec()], ids=["form", "plain"])
def test_the_defaults_have_none_on_any_data(defaults: ExperimentSpec, data: str) -> None:
    of_data = defaults.data.model_copy(update={"name": data})
    batch_size = min(defaults.training.batch_size, of_data.train_rows)
    parts = {
        "data": of_data,
        "training": defaults.training.model_copy(update={"batch_size": batch_size}),
        "entrants": tuple(preset(DATASETS[data].task)),
    }
    spec = ExperimentSpec.parse(defaults.model_copy(update=parts).model_dump())
    assert Trained.of(spec).found_by_epoch() == {}
