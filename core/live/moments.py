"""Snapshots that were kept, as the stage shows them: each is built once for all who look."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import replace
from threading import Lock

from core.live import learned
from core.live.compare_stage import REPLAYED
from core.live.reading import Reading
from core.live.view import Page, View

#: A replay of three views, as winding back and forth is likely.
_MOST_BUILT = 180


class Moments:
    """The newest that were asked for; threads may share it."""

    def __init__(self) -> None:
        self._built: OrderedDict[tuple[str, int, View], bytes] = OrderedDict()
        self._lock = Lock()

    def body(self, reading: Reading, step: int, view: View) -> bytes | None:
        """``{"blocks": [...]}`` of the snapshot that was kept of a step, None where none was.

        Raises ``StoreError``.
        """
        key = (reading.experiment_id, step, view)
        with self._lock:
            if key in self._built:
                self._built.move_to_end(key)
                return self._built[key]
        body = _body(reading, step, view)
        if body is not None:
            with self._lock:
                self._built[key] = body
                if len(self._built) > _MOST_BUILT:
                    self._built.popitem(last=False)
        return body


def _body(reading: Reading, step: int, view: View) -> bytes | None:
    build = learned.pictures if view.page is Page.TRAIN else REPLAYED.get(view.tab)
    snapshot = reading.kept(step)
    if build is None or snapshot is None:
        return None
    shown = build(replace(reading.state(), snapshot=snapshot), view)
    return json.dumps({"blocks": list(shown)}, separators=(",", ":")).encode()
