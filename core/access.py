"""Who may do what. Every change that a page makes to what is stored goes through ``Access``.

On this machine alone everybody may do everything. Where the server is shared, what somebody
started is changed by them alone, or by who was handed its key; everybody may look at it.

The store has hashes alone: who reads it, or a page, can act for nobody.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from core.errors import LabError
from core.program import Program
from core.program.running import MOST_AT_ONCE, Programs
from core.records import Experiment, Showing, Status, Wanted
from core.sharing import Limits
from core.spec import ExperimentSpec
from core.store import Store, Within
from core.store.database import EXAMPLE_IDS

_KEY_BYTES = 16


class NotAllowed(LabError):
    """What was asked for is for others to ask."""


def new_key() -> str:
    """Nobody can guess it: of a browser, or of one experiment."""
    return secrets.token_hex(_KEY_BYTES)


def is_key(text: str) -> bool:
    """Whether it can be one that was made here."""
    return len(text) == 2 * _KEY_BYTES and set(text) <= set("0123456789abcdef")


def owner_of_browser(key: str) -> str:
    return _hash("browser", key)


def owner_of_account(issuer: str, subject: str) -> str:
    """Of who has logged in, by what the login service says of them."""
    return _hash("account", issuer, subject)


def voter_of_browser(key: str) -> str:
    """What tells the bets of a browser from those of others, and from what it started."""
    return _hash("voter", key)[:_KEY_BYTES]


def _hash(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page: ``owner`` is how the store knows them, empty before they log in.

    ``keys`` are those of others' experiments, by their ids, that they were handed.
    """

    owner: str
    keys: Mapping[str, str] = field(default_factory=dict)


class Access:
    """What a visitor may do; ``limits`` are None where the server is for this machine alone.

    What is not allowed raises ``NotAllowed`` and changes nothing; ``LimitReached`` likewise.
    """

    def __init__(
        self,
        store: Store,
        programs: Programs,
        visitor: Visitor,
        limits: Limits | None,
        has_login: bool = False,
    ) -> None:
        self._store, self._programs = store, programs
        self._visitor, self.limits = visitor, limits
        self._has_login = has_login

    # -------------------------------------------------------- what is allowed

    @property
    def owner(self) -> str:
        """How the store knows this visitor; empty before they log in."""
        return self._visitor.owner

    @property
    def may_start(self) -> bool:
        return self.limits is None or bool(self._visitor.owner)

    def may_change(self, experiment: Experiment) -> bool:
        """Whether it may be paused, resumed and stopped."""
        return self._is_own(experiment.owner) or self._holds_key(experiment.id)

    def may_delete(self, experiment: Experiment) -> bool:
        """A key that was handed on is no leave to delete."""
        return experiment.id not in EXAMPLE_IDS and self._is_own(experiment.owner)

    def may_hand_over(self, experiment: Experiment) -> bool:
        """Whether there is a key of it to be handed on; who logs in needs none."""
        return self.limits is not None and not self._has_login and self._is_own(experiment.owner)

    def may_run(self, showing: Showing) -> bool:
        return self.may_start and self._is_own(showing.owner)

    @property
    def who_may_start(self) -> str:
        """The sentence for who may not."""
        return "Log in to train here; to watch and to bet you need not."

    @property
    def who_may_change(self) -> str:
        """The sentence for who may not."""
        others = "" if self._has_login else ", or who has the link for it,"
        return (
            f"Somebody else started this: only they{others} can pause or stop it. You can watch it."
        )

    # -------------------------------------------------------- what is done

    def create(self, spec: ExperimentSpec, pause_after_epoch: int | None = None) -> str:
        """As ``Store.create``, for this visitor and within the limits."""
        self._require_start()
        return self._store.create(
            spec,
            pause_after_epoch=pause_after_epoch,
            owner=self._visitor.owner,
            within=self._within,
        )

    def want(
        self, experiment_id: str, wanted: Wanted, pause_after_epoch: int | None = None
    ) -> bool:
        """As ``Store.want``."""
        self._require_change(experiment_id)
        return self._store.want(experiment_id, wanted, pause_after_epoch)

    def resume(self, experiment_id: str) -> bool:
        """As ``Store.resume``, within the limits of who started it."""
        self._require_change(experiment_id)
        return self._store.resume(experiment_id, self._within)

    def fail(self, experiment_id: str, reason: str) -> bool:
        """Say why an experiment can't be trained."""
        self._require_change(experiment_id)
        return self._store.set_status(experiment_id, Status.FAILED, reason)

    def delete(self, experiment_id: str) -> None:
        """As ``Store.delete``."""
        if experiment_id in EXAMPLE_IDS:
            raise NotAllowed("A recorded example can't be deleted.")
        if not self.may_delete(self._store.get(experiment_id)):
            raise NotAllowed("Somebody else started this: only they can delete it.")
        self._store.delete(experiment_id)

    def hand_over(self, experiment_id: str) -> str:
        """A new key with which this experiment can be paused and stopped; one that was handed
        over before ends."""
        if not self.may_hand_over(self._store.get(experiment_id)):
            raise NotAllowed(self.who_may_change)
        key = new_key()
        self._store.set_key(experiment_id, _hash("key", experiment_id, key))
        return key

    def show(self, exhibit: str) -> str:
        """A new showing that this visitor may run; returns its id."""
        return self._store.showings.create(exhibit, self._visitor.owner)

    def begin(self, showing: Showing, specs: Sequence[ExperimentSpec]) -> bool:
        """As ``Showings.begin``, for this visitor and within the limits."""
        self._require_start()
        if not self.may_run(showing):
            raise NotAllowed("Somebody else shows this exhibit: only they can run it.")
        return self._store.showings.begin(showing.id, specs, self._visitor.owner, self._within)

    def run_program(self, program: Program) -> str:
        """As ``Programs.start``, for this visitor and within the limits."""
        self._require_start()
        most = MOST_AT_ONCE if self.limits is None else self.limits.programs
        return self._programs.start(program, self._visitor.owner, most)

    def stop_program(self, key: str) -> None:
        """As ``Programs.stop``."""
        if not self._is_own(self._programs.get(key).owner):
            raise NotAllowed("Somebody else runs this program: only they can stop it.")
        self._programs.stop(key)

    # -------------------------------------------------------- underneath

    @property
    def _within(self) -> Within | None:
        return None if self.limits is None else self.limits.check

    def _is_own(self, owner: str) -> bool:
        return self.limits is None or (bool(owner) and owner == self._visitor.owner)

    def _holds_key(self, experiment_id: str) -> bool:
        key = self._visitor.keys.get(experiment_id)
        if key is None or self._has_login:
            return False
        return self._store.has_key(experiment_id, _hash("key", experiment_id, key))

    def _require_start(self) -> None:
        if not self.may_start:
            raise NotAllowed(self.who_may_start)

    def _require_change(self, experiment_id: str) -> None:
        if not self.may_change(self._store.get(experiment_id)):
            raise NotAllowed(self.who_may_change)
