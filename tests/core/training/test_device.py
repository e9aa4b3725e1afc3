"""Which device trains, and with how many threads."""

from __future__ import annotations

import threading

import pytest
import torch

from core.errors import DeviceError
from core.spec import DeviceName, ExperimentSpec
from core.training import device, plan


@pytest.fixture
def machine(monkeypatch):
    """A machine with the accelerators that a test names."""

    def having(*names: DeviceName) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: DeviceName.CUDA in names)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: DeviceName.MPS in names)

    return having


def test_auto_is_the_fastest_that_is_there(machine):
    for names in [(DeviceName.CUDA,), (DeviceName.MPS,), ()]:
        machine(*names)
        assert device.available() == (*names, DeviceName.CPU)
        assert device.resolve(DeviceName.AUTO).type == device.available()[0]


def test_one_that_is_there_is_taken(machine):
    machine(DeviceName.CUDA)
    assert device.resolve(DeviceName.CUDA).type == "cuda"
    assert device.resolve(DeviceName.CPU).type == "cpu"


def test_one_that_is_absent_is_refused_naming_those_that_are_there(machine):
    machine(DeviceName.CUDA)
    with pytest.raises(DeviceError) as refused:
        device.resolve(DeviceName.MPS)
    assert str(refused.value) == (
        "Device was mps; this machine has cuda, cpu. Pick one of these, or auto."
    )


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_mapping_gives_what_map_gives(threads):
    in_each = device.mapping(threads)
    for count in range(6):
        assert list(in_each(pow, range(count), range(count))) == list(
            map(pow, range(count), range(count))
        )


def test_the_caller_is_one_of_the_threads_of_a_mapping():
    together = threading.Barrier(2, timeout=60)
    seen = device.mapping(2)(lambda _: (together.wait(), threading.get_ident())[1], range(2))
    assert len(set(seen)) == 2
    assert threading.get_ident() in seen


def test_what_a_thread_of_a_mapping_raises_reaches_the_caller():
    together = threading.Barrier(2, timeout=60)

    def fail(who: threading.Thread) -> None:
        together.wait()
        if (threading.current_thread() is caller) == (who is caller):
            raise ZeroDivisionError

    caller = threading.current_thread()
    for who in (caller, None):
        with pytest.raises(ZeroDivisionError):
            device.mapping(2)(fail, [who, who])


def test_a_mapping_may_be_used_within_itself():
    in_each = device.mapping(2)
    table = in_each(lambda row: list(in_each(lambda column: row * column, range(20))), range(20))
    assert table == [[row * column for column in range(20)] for row in range(20)]


def test_threads_are_as_configured_or_as_many_as_a_step_can_keep_busy(monkeypatch):
    small = ExperimentSpec()
    large = ExperimentSpec.parse(
        {"network": {"hidden_sizes": [1024, 1024]}, "training": {"batch_size": 1000}}
    )
    monkeypatch.setattr(plan, "usable_cores", lambda: 8)
    for not_a_number in ("", "0", "-1", "many", "1.5"):
        monkeypatch.setenv("LOSSLAB_THREADS", not_a_number)
        assert plan.thread_count(small) == 1
        assert plan.thread_count(large) == 8
    monkeypatch.setenv("LOSSLAB_THREADS", "3")
    assert plan.thread_count(small) == plan.thread_count(large) == 3
