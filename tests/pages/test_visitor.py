"""A browser keeps the key by which its experiments and bets are known, and those it was handed."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette

from core.access import is_key, new_key, owner_of_account, owner_of_browser, voter_of_browser
from pages.parts.shell import document, visitor
from tests.core.live.asking import ask


def cookies(address: str = "/exhibits", headers: dict[str, str] | None = None) -> list[str]:
    """What the document of a page sets."""
    app = Starlette(routes=document.routes(lambda _id: None))
    answer, _ = asyncio.run(ask(app, address, headers=headers or {}))
    assert answer.status == 200
    return answer.headers.getlist("set-cookie")


def test_the_first_document_gives_it_and_later_ones_leave_it() -> None:
    (given,) = cookies()
    assert given.startswith(f"{visitor.COOKIE}=")
    assert "HttpOnly" in given
    assert "SameSite=lax" in given
    assert cookies(headers={"Cookie": given.split(";")[0]}) == []


@pytest.mark.parametrize("value", ["", "x", "0" * 33, "G" * 32, "'; drop table bets"])
def test_one_that_was_not_made_here_counts_as_none(value: str) -> None:
    assert not is_key(value)
    assert visitor.COOKIE in visitor.to_keep({visitor.COOKIE: value}, {})
    assert visitor.to_keep({visitor.COOKIE: new_key()}, {}) == {}


def test_a_key_in_the_address_is_kept_for_its_experiment_alone() -> None:
    own, key = new_key(), new_key()
    kept = cookies(
        f"/compare?experiment=0123456789&key={key}", {"Cookie": f"{visitor.COOKIE}={own}"}
    )
    assert [each.split(";")[0] for each in kept] == [f"{visitor.COOKIE}_0123456789={key}"]


@pytest.mark.parametrize(
    "query",
    ["key=1", f"key={'0' * 32}", f"experiment=a;b&key={'0' * 32}", "experiment=0123456789&key=x"],
)
def test_what_is_no_key_of_an_experiment_is_not_kept(query: str) -> None:
    assert len(cookies(f"/?{query}")) == 1


def test_what_the_store_has_is_no_key_and_says_nothing_of_the_others() -> None:
    key = new_key()
    known = {owner_of_browser(key), voter_of_browser(key), owner_of_account("browser", key)}
    assert len(known) == 3
    assert not any(is_key(each) and each == key for each in known)
    assert owner_of_account("a", "bc") != owner_of_account("ab", "c")
