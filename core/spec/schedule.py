"""At the end of which epochs an experiment is judged: of all few, of many ever fewer.

The same for every experiment, so that any two are judged at the same epochs. Beside these, the
newest complete epoch is judged where a training is paused or stopped.
"""

from __future__ import annotations

#: So many epochs from the start on are all judged; from there, of each doubling, half as many.
ALL_JUDGED = 64


def _stride(epoch: int) -> int:
    """Every how many epochs one is judged: 1 up to ``ALL_JUDGED``, 2 up to twice that, and so on.

    So no two neighbours are further apart than a 32nd of the epochs that came before.
    """
    doublings = (epoch - 1).bit_length() - (ALL_JUDGED - 1).bit_length()
    return 1 << max(0, doublings)


def is_judged(epoch: int, epochs: int) -> bool:
    """Whether the end of an epoch is judged in a training of so many; 0 is the start."""
    return epoch in (0, epochs) or epoch % _stride(epoch) == 0


def next_judged(epoch: int, epochs: int) -> int:
    """The first epoch from this one on that is judged."""
    stride = _stride(epoch)
    return min(-(-epoch // stride) * stride, epochs)
