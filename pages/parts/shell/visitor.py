"""Who looks at the pages: a browser by a key that it keeps, or an account that has logged in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from core.access import (
    Visitor,
    is_key,
    new_key,
    owner_of_account,
    owner_of_browser,
    voter_of_browser,
)
from core.errors import LabError

#: The address's parameter with the key of the experiment that it names.
KEY = "key"
#: The cookie with the browser's own key; with an experiment's id after it, the key of that.
COOKIE = "losslab_key"
KEPT_SECONDS = 365 * 24 * 3600

#: Session keys: the browser's own where it keeps no cookies, and others by their experiments.
_OWN = "own_key"
_HANDED = "keys_handed"
_EXPERIMENT = re.compile("[0-9a-f]{1,20}")


def to_keep(cookies: Mapping[str, str], params: Mapping[str, str]) -> dict[str, str]:
    """The cookies that a browser is to keep, of what it has and what the address says."""
    made = {} if _kept(cookies) else {COOKIE: new_key()}
    experiment, key = params.get("experiment", ""), params.get(KEY, "")
    if is_key(key) and _EXPERIMENT.fullmatch(experiment):
        made[f"{COOKIE}_{experiment}"] = key
    return made


def _kept(cookies: Mapping[str, str]) -> str | None:
    """The browser's key; None where it has none, or one that was not made here."""
    value = str(cookies.get(COOKIE, ""))
    return value if is_key(value) else None


def _own_key() -> str:
    made: str = st.session_state.setdefault(_OWN, new_key())
    return _kept(st.context.cookies) or made


def voter() -> str:
    """Tells the bets of browsers apart. It says nothing of who bets."""
    return voter_of_browser(_own_key())


def take_key(experiment_id: str) -> None:
    """Keep the key that the address has; as it stands there, it is soon passed on by mistake."""
    if key := st.query_params.get(KEY):
        st.session_state.setdefault(_HANDED, {})[experiment_id] = key
        del st.query_params[KEY]


def current(has_login: bool) -> Visitor:
    """``has_login`` says whether one is known by an account, and not by the browser."""
    if has_login:
        return Visitor(_account())
    prefix = f"{COOKIE}_"
    cookies = st.context.cookies.to_dict()
    keys = {
        name.removeprefix(prefix): value
        for name, value in cookies.items()
        if name.startswith(prefix)
    }
    return Visitor(owner_of_browser(_own_key()), keys | st.session_state.get(_HANDED, {}))


# ------------------------------------------------------------------ accounts


def has_login() -> bool:
    """Whether the server's secrets say with which service people log in."""
    there = [each for each in st.get_option("secrets.files") if Path(each).exists()]
    if not there:
        return False
    if not st.secrets.load_if_toml_exists():
        raise LabError(
            f"Nobody can log in, as {there[0]} can't be read; the server's log says why. Nothing "
            "can be started until it is mended."
        )
    return "auth" in st.secrets


def _account() -> str:
    """Whose it is, as the login service says; empty for who has not logged in."""
    if not st.user.is_logged_in:
        return ""
    said = st.user.to_dict()
    issuer, subject = said.get("iss"), said.get("sub")
    if not (issuer and subject):
        raise LabError("The login service does not say who you are: its answer lacks iss or sub.")
    return owner_of_account(str(issuer), str(subject))


def name() -> str | None:
    """What the account is called; None for who has not logged in."""
    if not st.user.is_logged_in:
        return None
    said = st.user.to_dict()
    return str(said.get("name") or said.get("email") or "Logged in")
