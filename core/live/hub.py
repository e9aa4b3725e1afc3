"""Hubs: each builds the frames of one view once, for everyone who looks at it.

All of it runs on one event loop, but for the building of frames, which a thread does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from core.errors import LabError
from core.live.frames import Frame, next_frame
from core.live.reading import Reading, Readings
from core.live.view import View
from core.records import Status
from core.store import Store

_log = logging.getLogger(__name__)

#: Seconds between frames, at least.
FRAME_SECONDS = 0.25
#: For so long after something was asked for, what comes of it makes a frame at once; and seconds
#: between two looks whether it is there, each of which costs far less than a frame.
EAGER_FOR_SECONDS = 3.0
LOOK_SECONDS = 0.01
#: A hub builds for at most this share of its time, by what its frames take of a processor: on a
#: busy server most of the clock's time is waiting for others, and frames are to come all the same.
_BUSY_SHARE = 0.25
#: Nothing is sent for so long only if there is nothing new; then a sign of life is.
SILENCE_SECONDS = 5.0


class _Built(NamedTuple):
    """A frame; the status and whether there are steps, which it shows; whether what a person asked
    for has yet to happen; the processor seconds that it took."""

    frame: Frame
    standing: tuple[Status, bool]
    is_awaited: bool
    cost: float


class Hub:
    """The frames of one view of one experiment; it works while somebody looks."""

    def __init__(
        self,
        reading: Reading,
        view: View,
        ghost: Reading | None = None,
        word: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._reading = reading
        self._word = word
        self._ghost = ghost
        self._view = view
        #: Set at the next frame, or at trouble; then there is another.
        self._news = asyncio.Event()
        self._frame: Frame | None = None
        self._trouble: LabError | None = None
        self._events: dict[tuple[int, int], bytes] = {}
        self._task: asyncio.Task[None] | None = None
        self._asked = asyncio.Event()
        self._asked_at = float("-inf")
        #: Whether the newest frame was compared with the store since somebody came.
        self._is_current = False
        self.viewers = 0

    async def events(self) -> AsyncIterator[bytes]:
        """Server-sent events for one viewer: the newest frame, then what changes, to the end.

        Who takes long gets the newest frame next, and never a backlog. Raises ``LabError`` for
        an experiment that can't be read.
        """
        self.viewers += 1
        if self._task is None:
            # What had ended when others looked may have been resumed.
            self._is_current = False
            self._asked_at = time.monotonic()
            self._task = asyncio.create_task(self._work())
        has = 0
        try:
            while True:
                frame = await self._after(has)
                if frame is None:
                    yield b": alive\n\n"
                    continue
                yield self._event(frame, has)
                has = frame.number
                if frame.is_last:
                    return
        finally:
            self.viewers -= 1
            if not self.viewers and self._task is not None:
                self._task.cancel()
                self._task = None

    def hurry(self) -> None:
        """Something was asked of the experiment: what comes of it is to be seen at once."""
        self._asked_at = time.monotonic()
        self._asked.set()

    def end(self) -> None:
        """End the streams of all who look."""
        if self._task is not None:
            self._task.cancel()
        self._tell(self._frame, LabError("The server is about to end."))

    async def _after(self, number: int) -> Frame | None:
        """The newest frame once there is one after ``number``; None if that takes long."""
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                while True:
                    if self._trouble is not None:
                        raise self._trouble
                    if self._is_current and self._frame and self._frame.number > number:
                        return self._frame
                    await self._news.wait()
        except TimeoutError:
            return None

    def _event(self, frame: Frame, after: int) -> bytes:
        """The same bytes for all viewers who have the same frame."""
        key = (frame.number, after)
        if key not in self._events:
            if self._events and next(iter(self._events))[0] != frame.number:
                self._events.clear()
            self._events[key] = frame.event(after)
        return self._events[key]

    async def _work(self) -> None:
        frame: Frame | None = self._frame
        while not (self._is_current and frame and frame.is_last):
            begin = time.monotonic()
            before = frame
            try:
                built = await asyncio.to_thread(self._build, before)
            except LabError as error:
                self._tell(self._frame, error)
                return
            except Exception:
                # Viewers would wait for a frame that never comes.
                _log.exception("A frame can't be built.")
                self._tell(self._frame, LabError("What is shown can't be built."))
                return
            frame = built.frame
            if frame is not before or not self._is_current:
                self._is_current = True
                self._tell(frame, None)
            if not built.is_awaited and self._asked_at < begin:
                self._asked_at = float("-inf")
            end = time.monotonic()
            least = built.cost / _BUSY_SHARE - built.cost
            await self._rest(max(begin + FRAME_SECONDS, end + least), built.standing)

    async def _rest(self, until: float, standing: tuple[Status, bool]) -> None:
        """Until the next frame is due, or what was asked for has changed how it stands."""
        while (left := until - time.monotonic()) > 0:
            if time.monotonic() - self._asked_at < EAGER_FOR_SECONDS:
                await asyncio.sleep(min(LOOK_SECONDS, left))
                if await asyncio.to_thread(self._has_changed, standing):
                    return
            else:
                self._asked.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._asked.wait()

    def _has_changed(self, standing: tuple[Status, bool]) -> bool:
        try:
            return self._reading.standing() != standing
        except LabError:
            # The next frame has the sentence.
            return True

    def _build(self, before: Frame | None) -> _Built:
        begin = time.thread_time()
        state = self._reading.state()
        if word := self._word():
            state = replace(state, service=word)
        if self._ghost is not None:
            # It adorns the frame, which is shown without it where it can't be read.
            with suppress(LabError):
                state = replace(state, ghost=self._ghost.state())
        experiment = state.experiment
        is_awaited = not experiment.wanted.is_met_by(experiment.status) or state.step == 0
        frame = next_frame(state, self._view, before)
        standing = experiment.status, state.step > 0
        return _Built(frame, standing, is_awaited, time.thread_time() - begin)

    def _tell(self, frame: Frame | None, trouble: LabError | None) -> None:
        self._frame, self._trouble = frame, trouble
        self._news.set()
        self._news = asyncio.Event()


class Hubs:
    """The hub of every view that somebody looks at; ``word`` is what is to be said of the training
    service."""

    def __init__(self, store: Store, word: Callable[[], str | None] = lambda: None) -> None:
        self.readings = Readings(store)
        self._word = word
        self._hubs: dict[tuple[str, View], Hub] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        store.on_want(self._hear)

    def _hear(self, experiment_id: str) -> None:
        """Called by any thread; nobody looks before the loop runs, or once it is closed."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hurry, experiment_id)

    def _hurry(self, experiment_id: str) -> None:
        for (key, _view), hub in self._hubs.items():
            if key == experiment_id:
                hub.hurry()

    def of(self, experiment_id: str, view: View) -> Hub:
        self._loop = asyncio.get_running_loop()
        self._forget_the_idle()
        key = (experiment_id, view)
        if key not in self._hubs:
            ghost = self.readings.of(view.ghost) if view.ghost and view.before else None
            self._hubs[key] = Hub(self.readings.of(experiment_id), view, ghost, self._word)
        return self._hubs[key]

    def end(self) -> None:
        """End all streams."""
        for hub in self._hubs.values():
            hub.end()

    def _forget_the_idle(self) -> None:
        for key in [key for key, hub in self._hubs.items() if not hub.viewers]:
            del self._hubs[key]
