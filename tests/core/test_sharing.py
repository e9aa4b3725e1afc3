"""The settings of a shared server."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from core.errors import LabError
from core.sharing import SHARED_VARIABLE, VARIABLES, Limits, is_shared, limits
from tests.browser.app import ROOT


@pytest.mark.parametrize("value", [None, "", " ", "0"])
def test_by_default_it_is_for_this_machine_alone(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv(SHARED_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(SHARED_VARIABLE, value)
    monkeypatch.setenv("LOSSLAB_MOST_QUEUED", "nonsense")
    assert not is_shared()
    assert limits() is None


@pytest.mark.parametrize("value", ["1", "true", "yes", "false"])
def test_any_other_value_shares_it(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Who meant the opposite has less than they asked for, and not more."""
    monkeypatch.setenv(SHARED_VARIABLE, value)
    assert limits() == Limits()


@pytest.mark.parametrize("name", VARIABLES)
def test_each_limit_can_be_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(SHARED_VARIABLE, "1")
    monkeypatch.setenv(VARIABLES[name], " 17 ")
    assert limits() == Limits(**{name: 17})


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "²", "1000001", "9" * 5000])
def test_what_is_no_limit_is_a_sentence(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(SHARED_VARIABLE, "1")
    monkeypatch.setenv("LOSSLAB_MOST_STORED", value)
    with pytest.raises(LabError, match=r"LOSSLAB_MOST_STORED was .*allowed is a whole number") as e:
        limits()
    assert len(str(e.value)) < 300


def test_the_readme_has_every_setting_with_its_default() -> None:
    assert VARIABLES.keys() == {each.name for each in fields(Limits)}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"| `{SHARED_VARIABLE}` |" in text
    for name, variable in VARIABLES.items():
        assert re.search(rf"\| `{variable}` \|.*\| {getattr(Limits, name)} \|", text), variable


def test_the_server_is_bound_to_this_machine_unless_told_otherwise() -> None:
    config = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert 'address = "127.0.0.1"' in config
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "HOST ?= 127.0.0.1" in makefile
    assert "--server.address $(HOST)" in makefile
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert ".streamlit/secrets.toml" in ignored
