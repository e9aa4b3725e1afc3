"""What one server has: the store, the training service, what computes and what runs programs."""

from __future__ import annotations

from functools import cache
from threading import RLock

from core.engine import Engine
from core.engine.calculator import Calculator
from core.program.running import Programs
from core.store import Store


class Lab:
    """Each part is made when it is first needed, once; threads may share it.

    Raises ``StoreError`` while the store can't be opened.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._store: Store | None = None
        self._engine: Engine | None = None
        self._calculator: Calculator | None = None
        self.programs = Programs()

    @property
    def store(self) -> Store:
        with self._lock:
            self._store = self._store or Store()
            return self._store

    @property
    def engine(self) -> Engine:
        """Its process loads torch from the first time on."""
        with self._lock:
            if self._engine is None:
                self._engine = Engine(self.store.url)
                self._engine.warm()
            return self._engine

    @property
    def calculator(self) -> Calculator:
        with self._lock:
            self._calculator = self._calculator or Calculator(self.engine)
            return self._calculator

    def close(self) -> None:
        """End the programs that run, and the training service with what trains."""
        self.programs.close()
        with self._lock:
            if self._engine is not None:
                self._engine.close()


@cache
def lab() -> Lab:
    """The one of this process."""
    return Lab()
