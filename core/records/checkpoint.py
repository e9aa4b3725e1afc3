"""What a training goes on from, as if it had never been interrupted. Needs no torch."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The step, among the arrays of a file.
_STEP = "step"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a training after ``step``: arrays by name, which only training reads.

    Names have parts, with dots between, so that each part of a training finds its own.
    """

    step: int
    arrays: Mapping[str, NDArray[Any]]

    def of(self, part: str) -> dict[str, NDArray[Any]]:
        """The arrays of a part, by the rest of their names."""
        start = f"{part}."
        return {
            name.removeprefix(start): array
            for name, array in self.arrays.items()
            if name.startswith(start)
        }

    def to_bytes(self) -> bytes:
        """As an ``.npz`` file, not packed: parameters hardly get smaller by it."""
        file = io.BytesIO()
        arrays: dict[str, Any] = {**self.arrays, _STEP: np.array(self.step)}
        np.savez(file, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Checkpoint:
        """Raises ``ValueError`` for bytes that are none."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            return cls(int(arrays.pop(_STEP)), arrays)
        except Exception as error:
            # Where bytes are damaged decides what numpy or zipfile raise of it.
            raise ValueError(f"The checkpoint can't be read: {type(error).__name__}.") from error


def named(part: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays under the names that ``Checkpoint.of`` finds them by."""
    return {f"{part}.{name}": array for name, array in arrays.items()}
