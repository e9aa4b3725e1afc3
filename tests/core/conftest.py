"""What tests of several rooms use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.lab import Lab


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A server's parts with a store of their own; all of it is ended afterwards."""
    monkeypatch.setenv("LOSSLAB_STORE", f"sqlite:///{tmp_path / 'lab.db'}")
    made = Lab()
    yield made
    made.end()
