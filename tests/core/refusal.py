"""Why an experiment is refused."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import SpecError
from core.losses import LOSSES
from core.spec import ExperimentSpec


def refusal(source: Any) -> str:
    """Why it is refused, in what must be plain sentences."""
    with pytest.raises(SpecError) as refused:
        ExperimentSpec.parse(source)
    for sentence in refused.value.sentences:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        # The longest lists every loss.
        assert len(sentence) < 150 + len(", ".join(LOSSES))
        for jargon in ("Input", "dictionary", "tuple", "instance", "pydantic", "Value error"):
            assert jargon not in sentence
    assert 0 < len(refused.value.sentences) <= 10
    return str(refused.value)
