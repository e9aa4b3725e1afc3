"""The route of a program that runs: what it prints, live, beside what the lab has printed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from core.errors import LabError
from core.live.hub import FRAME_SECONDS, SILENCE_SECONDS
from core.live.reading import Reading, State
from core.live.routes import Live
from core.program import Program, of_experiment
from core.program.comparing import compare, sentence
from core.program.running import Programs, Running, RunStatus, UnknownRun
from core.records import Measure, Split


class LivePrograms:
    """Answers requests for what programs print; the streams count among those of ``live``."""

    def __init__(self, live: Live, programs: Callable[[], Programs]) -> None:
        self._live = live
        self._programs = programs

    @property
    def routes(self) -> list[BaseRoute]:
        return [Route("/program/{key}", self.stream)]

    async def stream(self, request: Request) -> Response:
        """Server-sent events of a run; ``experiment`` in the address is what is beside it."""
        if refused := self._live.refusal(request):
            return refused
        key = request.path_params["key"]
        try:
            self._programs().get(key)
        except UnknownRun as error:
            return PlainTextResponse(str(error), 404)
        experiment_id = request.query_params.get("experiment")
        return self._live.streamed(request, self._events(key, experiment_id))

    async def _events(self, key: str, experiment_id: str | None) -> AsyncIterator[bytes]:
        """A frame whenever there is news, to the end of the program and of what is beside it."""
        try:
            running = self._programs().get(key)
            reading = await self._live.reading(experiment_id) if experiment_id else None
            beside = Beside(running.program, reading)
            before: tuple[int, int, RunStatus, bool] | None = None
            sent, told = 0, time.monotonic()
            while not self._live.is_ending:
                lab, will_have_more = await asyncio.to_thread(beside.losses)
                running = self._programs().get(key)
                is_last = running.status.is_finished and not will_have_more
                news = (len(running.printed), len(lab or ()), running.status, is_last)
                if news != before:
                    # What was sent before may have got the lab's losses since.
                    is_whole = is_last or before is None or news[1] != before[1]
                    after = 0 if is_whole else sent
                    frame = await asyncio.to_thread(frame_of, running, lab, after)
                    yield _event(frame | {"last": is_last})
                    sent = len(running.printed)
                elif time.monotonic() - told > SILENCE_SECONDS:
                    yield b": alive\n\n"
                else:
                    await asyncio.sleep(FRAME_SECONDS)
                    continue
                before, told = news, time.monotonic()
                if is_last:
                    return
        except LabError:
            # The page asks again, and is told what is wrong.
            return


class Beside:
    """The losses that the lab has printed of the same program, if it has."""

    def __init__(self, program: Program, reading: Reading | None) -> None:
        self._program = program
        self._reading = reading
        self._matching: dict[bool, bool] = {}

    def losses(self) -> tuple[dict[int, float] | None, bool]:
        """By epoch, None where nothing of these settings was trained; and whether more come."""
        if self._reading is None:
            return None, False
        state = self._reading.state()
        is_open = not state.experiment.status.is_finished
        if not self._is_of_the_program(state):
            has_facts = state.experiment.facts is not None
            return None, is_open and not has_facts
        first = state.curves.evaluated(state.runs)[0]
        line = first.evaluation(Split.TRAIN, Measure.EPOCH_LOSS)
        return dict(zip(line.epochs.tolist(), line.values.tolist(), strict=True)), is_open

    def _is_of_the_program(self, state: State) -> bool:
        """Asked once, and again when the facts are there that a rate may follow from."""
        known = state.experiment.facts is not None
        if known not in self._matching:
            self._matching[known] = of_experiment(state.experiment).code == self._program.code
        return self._matching[known]


def frame_of(running: Running, lab: dict[int, float] | None, after: int = 0) -> dict[str, Any]:
    """What the page shows: the rows after so many, how far it is, what the comparison says."""
    program, printed = running.program, running.printed
    comparison = compare(printed, lab or {}, program.steps_per_epoch)
    words = f"{running.status.capitalize()}. Epoch {len(printed):,} of {program.epochs:,}."
    return {
        "status": running.status.value,
        "words": words,
        "reason": running.reason or "",
        "fraction": len(printed) / program.epochs,
        "after": after,
        "rows": [
            [str(epoch), _digits(loss), _digits((lab or {}).get(epoch))]
            for epoch, loss in enumerate(printed[after:], start=after + 1)
        ],
        "said": sentence(comparison, lab is not None) if printed else "",
    }


def _digits(loss: float | None) -> str:
    return "" if loss is None else f"{loss:.9g}"


def _event(frame: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(frame, separators=(',', ':'))}\n\n".encode()
