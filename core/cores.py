"""How many processor cores this process may use. Needs no torch."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """The cores that this process may run on, or fewer where its control group has less time.

    A container that may use half of a machine still sees all of its cores, so that what
    ``os.cpu_count`` says is too many.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, math.floor(min([count, *_granted()])))


def _granted() -> Iterator[float]:
    """Cores' worth of time that each control group above this process grants, if it limits it."""
    for folder in _groups():
        try:
            # Version 2: microseconds granted in each period of so many, or "max".
            granted, period = (folder / "cpu.max").read_text().split()
        except (OSError, ValueError):
            try:
                # Version 1 has -1 where there is no limit.
                granted = (folder / "cpu.cfs_quota_us").read_text()
                period = (folder / "cpu.cfs_period_us").read_text()
            except OSError:
                continue
        if granted.strip().isdigit() and int(period) > 0:
            yield int(granted) / int(period)


def _groups() -> Iterator[Path]:
    """The folders of this process's control groups for processor time, and of those above."""
    try:
        lines = _MEMBERSHIP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _number, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = _CGROUPS / controllers if controllers else _CGROUPS
        roots = [root, _CGROUPS / "cpu"] if controllers else [root]
        for each in roots:
            folder = each / path.lstrip("/")
            yield folder
            yield from (above for above in folder.parents if above.is_relative_to(each))
