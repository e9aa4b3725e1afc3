"""Which device trains, and threads that train on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import torch

from core.errors import DeviceError
from core.spec import DeviceName


def available() -> tuple[DeviceName, ...]:
    """The devices of this machine, fastest first."""
    present = {
        DeviceName.CUDA: torch.cuda.is_available(),
        DeviceName.MPS: torch.backends.mps.is_available(),
        DeviceName.CPU: True,
    }
    return tuple(name for name, here in present.items() if here)


def resolve(wanted: DeviceName) -> torch.device:
    """The device to train on; ``auto`` is the fastest, one that is absent is refused."""
    here = available()
    if wanted is DeviceName.AUTO:
        return torch.device(here[0].value)
    if wanted not in here:
        raise DeviceError(
            f"Device was {wanted.value}; this machine has {', '.join(here)}. "
            "Pick one of these, or auto."
        )
    return torch.device(wanted.value)


@contextmanager
def without_denormals() -> Iterator[None]:
    """Have this thread, and those that it starts, take denormal numbers for 0 in the meantime.

    That goes for Python's own numbers in this thread too, so that it is not left on.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@contextmanager
def operators(by_onednn: bool) -> Iterator[None]:
    """Have the CPU's operators be oneDNN's in the meantime, where it has some, or torch's own."""
    onednn: Any = torch.backends.mkldnn
    before = onednn.enabled
    onednn.enabled = before and by_onednn
    try:
        yield
    finally:
        onednn.enabled = before


def mapping(threads: int) -> Callable[..., Iterable[Any]]:
    """``map``, by so many threads if there are several, the caller's among them.

    The caller's is to share no operation with others either.
    """
    if threads == 1:
        return map
    pool = ThreadPoolExecutor(threads - 1, initializer=_begin)

    def in_each(function: Callable[..., Any], *arguments: Iterable[Any]) -> list[Any]:
        tasks = list(zip(*arguments, strict=True))
        found: list[Any] = [None] * len(tasks)
        numbers = iter(range(len(tasks)))

        def work() -> None:
            for number in numbers:
                found[number] = function(*tasks[number])

        helpers = [pool.submit(work) for _ in range(min(threads, len(tasks)) - 1)]
        try:
            work()
        finally:
            # One that has not begun by now has nothing to do any more.
            begun = [each for each in helpers if not each.cancel()]
            wait(begun)
        for each in begun:
            each.result()
        return found

    return in_each


def _begin() -> None:
    """What each helper of a mapping is told at first: to share no operation with others, which its
    products would do, and to take denormal numbers for 0."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
