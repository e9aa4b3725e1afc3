"""Log-odds of each class against all others, which stay apart where probabilities round to 1.

With z shifted so that the largest logit z_m is 0, the others of a class c have the sum of
exponentials exp(z_1) + ... - exp(z_c), which is 1 or more and so keeps all its digits. Only the
others of m itself may be as small as they like; theirs is a logarithm from the start.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def log_odds(z: Tensor) -> Tensor:
    """log(p_c / (1 - p_c)) = z_c - logsumexp of the other logits, p = softmax(z): ``[..., C, N]``.

    sigmoid of it is p_c, and sigmoid of its negative 1 - p_c, to the last digit of both. Two
    classes or more.
    """
    return LogOdds(z).values


class LogOdds:
    """The log-odds of logits z as ``values``, and the way back from them."""

    def __init__(self, z: Tensor) -> None:
        largest = z.max(-2, keepdim=True)
        is_largest = z.new_zeros(z.shape).scatter_(-2, largest.indices, 1).bool()
        # Logits that differ by a constant alone are the same logits, also to the last digit.
        shifted = z - largest.values
        others = shifted.masked_fill(is_largest, -math.inf).logsumexp(-2, keepdim=True)
        self._is_largest = is_largest
        self._exp = shifted.exp()
        self._share_of_largest = (shifted - others).exp().masked_fill(is_largest, 0)
        self._sums_of_others = (1 + (others.exp() - self._exp)).masked_fill(is_largest, 1)
        self.values = (shifted - self._sums_of_others.log()).where(~is_largest, -others)

    def share_in_others(self, gradient: Tensor) -> Tensor:
        """What raising a logit takes from the log-odds of the other classes.

        dL/dz is dL/d(log-odds), the ``gradient``, less this: for z_k, the sum over the other
        classes of their gradient times exp(z_k) / (sum of exponentials of their others).
        """
        of_largest = (gradient * self._is_largest).sum(-2, keepdim=True)
        by_sum = (gradient / self._sums_of_others).masked_fill(self._is_largest, 0)
        of_rest = self._exp * (by_sum.sum(-2, keepdim=True) - by_sum)
        return of_rest + of_largest * self._share_of_largest
