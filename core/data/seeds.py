"""How one seed of a run becomes a seed for each purpose."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, purpose: str) -> int:
    """A seed for one purpose of a run: the first 31 bits of SHA-256("seed:purpose").

    Random streams with different purposes (split, noise, trunk, head, order) do not move when
    one of them draws more or fewer numbers, so runs of one seed share all they can.
    """
    digest = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
