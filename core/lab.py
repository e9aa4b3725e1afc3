"""What one server has: the store, the training service, what computes and what runs programs."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from threading import RLock

from core import place
from core.engine import Engine
from core.engine.calculator import Calculator
from core.errors import EngineError, StoreError
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
                engine = self._engine = Engine(self.store.url)
                engine.warm()
                self.store.on_want(lambda _experiment_id: _look(engine))
            return self._engine

    @property
    def calculator(self) -> Calculator:
        with self._lock:
            self._calculator = self._calculator or Calculator(self.engine)
            return self._calculator

    @property
    def word(self) -> str | None:
        """What is to be said of the training service: nothing while all is well."""
        return None if self._engine is None else self._engine.word

    def training(self) -> int:
        """How many experiments train here; none while the store can't be read."""
        with suppress(StoreError):
            return self.store.service.training(place.here())
        return 0

    def leave(self) -> None:
        """End the programs that run. What trains goes on: the next server finds it again."""
        self.programs.close()
        if self._engine is not None:
            self._engine.leave()

    def end(self) -> None:
        """End the programs that run, and the training service with all that trains."""
        self.programs.close()
        if self._engine is not None:
            self._engine.end()


def _look(engine: Engine) -> None:
    """Have the service look for what was asked; without one, the next one does so."""
    with suppress(EngineError):
        engine.look()


@cache
def lab() -> Lab:
    """The one of this process."""
    return Lab()
