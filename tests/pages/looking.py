"""What tests of pages do and see: a session's fields, buttons, texts, tables and charts."""

from __future__ import annotations

import json
import re
from typing import Any
from unittest.mock import patch

from streamlit.testing.v1 import AppTest

from core.records import Status
from core.spec import ExperimentSpec
from core.store import Store
from pages.parts.form import draft, whole
from tests.browser.app import ROOT

#: What Streamlit runs for every page.
SCRIPT = str(ROOT / "pages" / "navigation.py")
PAGES = ("train", "compare", "losses")
#: The kinds of widgets that hold a value.
_FIELDS = (
    "selectbox",
    "slider",
    "select_slider",
    "text_input",
    "toggle",
    "button_group",
)

# ------------------------------------------------------------------ going about


def opened(page: str) -> AppTest:
    """A fresh session whose next pass draws the page."""
    app = AppTest.from_file(SCRIPT, default_timeout=60)
    return app if page == "train" else app.switch_page(f"{page}.py")


def go_to(app: AppTest, page: str) -> AppTest:
    """The same session on another page, as a click on its name leads there."""
    app.query_params.clear()
    return run(app.switch_page(f"{page}.py"))


def run(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def unfold(app: AppTest, *labels: str, folded: bool = False) -> AppTest:
    """Open, or close, what is drawn only while it is open."""
    run(app)
    for label in labels:
        app.session_state[f"fold_{label}"] = not folded
    return run(app)


def button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if as_read(each.label) == label)


def click(app: AppTest, label_or_key: str) -> AppTest:
    """Click the button of that key, or else of that label."""
    by_key = [each for each in app.button if each.key == label_or_key]
    (by_key[0] if by_key else button(app, label_or_key)).click()
    return run(app)


# ------------------------------------------------------------------ fields


def widgets(app: AppTest) -> dict[str, Any]:
    """The widgets that hold a value, by their keys."""
    every = (each for kind in _FIELDS for each in getattr(app, kind))
    return {each.key: each for each in every if each.key}


def fields(app: AppTest, page: str) -> dict[str, Any]:
    """The values of the page's form that are in sight, by their paths in the draft.

    Each is what the draft holds; the draft is what the form is read from.
    """
    of_form = {
        key.removeprefix(f"{page}/"): widget.value
        for key, widget in widgets(app).items()
        if key.startswith(f"{page}/") and not key.endswith("/slid")
    }
    for path, value in of_form.items():
        assert value == (_fitted(app, path) if path in _FITTED else drafted(app, path)), path
    return of_form


#: What the draft keeps though it does not fit the data or network that is looked at meanwhile.
_FITTED = {
    "batch_size": whole.batch_size,
    "scheme": whole.scheme,
    "head_factor": whole.head_factor,
}


def _fitted(app: AppTest, path: str) -> Any:
    with _draft_of(app):
        return _FITTED[path]()


def drafted(app: AppTest, path: str) -> Any:
    """The value that the draft holds at a path such as "sizes/0"."""
    with _draft_of(app):
        return draft.value(*(int(part) if part.isdigit() else part for part in path.split("/")))


def enter(app: AppTest, page: str, path: str, value: Any) -> AppTest:
    """Set the field of a page's form at a path of the draft; a number is typed where it is."""
    field = widgets(app)[f"{page}/{path}"]
    field.set_value(str(value) if field.type == "text_input" else value)
    return run(app)


def read(app: AppTest, page: str) -> ExperimentSpec:
    """The experiment that the page's form describes."""
    with _draft_of(app):
        return whole.read_training() if page == "train" else whole.read_race()


def _draft_of(app: AppTest) -> Any:
    return patch.object(draft, "current", lambda: app.session_state["draft"])


# ------------------------------------------------------------------ entrants


def entrants(app: AppTest, page: str) -> dict[int, str]:
    """The titles in the page's list of entrants, as they are shown, by the entrants' numbers."""
    shown = widgets(app)[f"{page}/edited/{page}"]
    numbers = [each["id"] for each in _list_of(app, page)[: len(shown.options)]]
    return dict(zip(numbers, map(as_read, shown.options), strict=True))


def _list_of(app: AppTest, page: str) -> list[dict[str, Any]]:
    with _draft_of(app):
        listed: list[dict[str, Any]] = draft.value(*_list_path(app, page).split("/"))
        return listed


def _list_path(app: AppTest, page: str) -> str:
    with _draft_of(app):
        kind = "classes" if whole.task().is_classification else "values"
        return f"entrants/{page}/{kind}"


def edit(app: AppTest, page: str, place: int) -> AppTest:
    """Click the entrant at a place of the list."""
    number = list(entrants(app, page))[place]
    if drafted(app, f"edited/{page}") == number:
        return app
    return enter(app, page, f"edited/{page}", number)


def entrant_path(app: AppTest, page: str, name: str) -> str:
    """The path of a field of the entrant that is edited, such as its "loss".

    A name with a slash, such as "focal/gamma", is that of a loss's parameter.
    """
    number = drafted(app, f"edited/{page}")
    name = f"parameters/{name}" if "/" in name else name
    return f"{_list_path(app, page)}/{number}/{name}"


def set_entrant(app: AppTest, page: str, **values: Any) -> AppTest:
    """Set fields of the entrant that is edited; "focal__gamma" is the gamma of Focal."""
    for name, value in values.items():
        enter(app, page, entrant_path(app, page, name.replace("__", "/")), value)
    return app


# ------------------------------------------------------------------ what is seen


def texts(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.error, *app.info, *app.subheader, *app.text]
    values = [str(each.value) for each in shown]
    values += [each.proto.body for each in app.get("html")]
    return "\n".join(values)


def as_read(text: str) -> str:
    """What a person reads of a text that Markdown is kept off from."""
    return re.sub(r"\\([^a-zA-Z0-9\s])", r"\1", text).replace("\u2060", "")


def said(app: AppTest) -> str:
    """The texts as a person reads them, without the marks that keep Markdown off."""
    return as_read(texts(app))


def errors(app: AppTest) -> list[str]:
    """The sentences that say what is wrong, as a person reads them."""
    return [as_read(each.value) for each in app.error]


def components(app: AppTest) -> list[dict[str, Any]]:
    """What each mounted component was sent."""
    return [json.loads(each.proto.json or "{}") for each in app.get("bidi_component")]


def staged(app: AppTest) -> dict[str, Any] | None:
    """What the page's stage was sent, if there is one: which experiment it is, and how it stands.

    What the stage shows of it is tested in ``tests/core/live``.
    """
    found = [sent for sent in components(app) if "experiment" in sent]
    assert len(found) <= 1
    return found[0] if found else None


def charts(app: AppTest) -> list[dict[str, Any]]:
    """The data that each mounted live chart was sent."""
    return [sent for sent in components(app) if sent.get("figure")]


# ------------------------------------------------------------------ experiments


def shown(app: AppTest, experiment_id: str) -> AppTest:
    """The page at the address of the experiment."""
    app.query_params["experiment"] = experiment_id
    return run(app)


def asked(app: AppTest, store: Store, name: str) -> ExperimentSpec:
    """What the button of that name stores to be trained; it is stopped before it begins.

    Where nothing trains, as by the fixture of that name.
    """
    click(app, name)
    assert not app.error
    experiment_id = app.query_params["experiment"]
    click(app, "Stop")
    assert store.get(experiment_id).status is Status.STOPPED
    return store.get(experiment_id).spec
