"""Cores that a process may use: its affinity, and the time that its control groups grant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core import cores


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Eight cores, and control groups in a folder that a test fills."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "_CGROUPS", tmp_path)
    monkeypatch.setattr(cores, "_MEMBERSHIP", tmp_path / "membership")
    return tmp_path


def member(machine: Path, line: str) -> None:
    (machine / "membership").write_text(line + "\n")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_control_groups_it_is_those_it_may_run_on(machine: Path) -> None:
    assert cores.usable_cores() == 8
    member(machine, "0::/")
    assert cores.usable_cores() == 8


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("200000 100000", 2), ("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1)],
)
def test_version_2_grants_time_in_each_period(machine: Path, limit: str, expected: int) -> None:
    member(machine, "0::/app/one")
    write(machine / "app/one/cpu.max", limit + "\n")
    assert cores.usable_cores() == expected


def test_the_least_of_all_groups_above_counts(machine: Path) -> None:
    member(machine, "0::/app/one")
    write(machine / "app/one/cpu.max", "max 100000\n")
    write(machine / "app/cpu.max", "300000 100000\n")
    write(machine / "cpu.max", "600000 100000\n")
    assert cores.usable_cores() == 3


@pytest.mark.parametrize(("quota", "expected"), [("400000", 4), ("-1", 8)])
def test_version_1_grants_it_in_two_files(machine: Path, quota: str, expected: int) -> None:
    member(machine, "5:memory:/x\n3:cpu,cpuacct:/app")
    write(machine / "cpu/app/cpu.cfs_quota_us", quota + "\n")
    write(machine / "cpu/app/cpu.cfs_period_us", "100000\n")
    assert cores.usable_cores() == expected


def test_where_affinity_is_unknown_it_is_the_machines_count(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert cores.usable_cores() == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores.usable_cores() == 1


def test_nonsense_is_no_limit(machine: Path) -> None:
    member(machine, "0::/app")
    write(machine / "app/cpu.max", "many\n")
    assert cores.usable_cores() == 8
