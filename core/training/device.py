"""Which device trains, and with how many threads."""

from __future__ import annotations

import os

import torch

from core.errors import DeviceError
from core.spec import DeviceName, ExperimentSpec

#: Below this much arithmetic a step, a second thread costs more than it brings: where its
#: core has other things to do, the first waits for it at each operation.
_FLOPS_PER_THREAD = 200_000_000


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


def thread_count(spec: ExperimentSpec) -> int:
    """Threads for one experiment: ``LOSSLAB_THREADS``, or what its steps can keep busy."""
    configured = os.environ.get("LOSSLAB_THREADS", "")
    if configured.isdigit() and int(configured) > 0:
        return int(configured)
    # Two operations a weight forward, four backward.
    flops = 6 * spec.parameters * spec.training.batch_size * spec.run_count
    return max(1, min(os.cpu_count() or 1, flops // _FLOPS_PER_THREAD))
