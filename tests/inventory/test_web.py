"""Pages by key, and full page or fragment."""

import pytest
from django.http import QueryDict
from django.test import RequestFactory
from django_htmx.middleware import HtmxDetails

from findings.models import Finding
from inventory import web
from inventory.web import Cursor, Key
from tests import factories

KEYS = (Key("severity_rank", is_descending=True), Key("id", is_descending=True))


@pytest.fixture
def findings(db):
    account = factories.account()
    made = []
    for severity in ("LOW", "CRITICAL", "HIGH", "CRITICAL", "LOW", "MEDIUM", "HIGH"):
        control = factories.control(severity=severity)
        made.append(factories.finding(account=account, control=control).pk)
    return made


def page(cursor_text="", size=3):
    cursor = web.read_cursor(cursor_text, keys=KEYS)
    return web.keyset(Finding.objects.all(), keys=KEYS, cursor=cursor, size=size)


def test_pages_forwards_hold_every_row_once_and_in_order(findings):
    seen, cursor = [], ""
    for _ in range(5):
        found = page(cursor)
        seen += [row.pk for row in found.rows]
        cursor = found.next_cursor
        if not cursor:
            break
    ordered = Finding.objects.order_by("-severity_rank", "-id").values_list("pk", flat=True)
    assert seen == list(ordered)


def test_pages_backwards_are_the_pages_that_were_seen_forwards(findings):
    first = page()
    second = page(first.next_cursor)
    third = page(second.next_cursor)
    back = page(third.previous_cursor)
    assert [row.pk for row in back.rows] == [row.pk for row in second.rows]
    start = page(back.previous_cursor)
    assert [row.pk for row in start.rows] == [row.pk for row in first.rows]
    assert start.previous_cursor == ""
    assert start.next_cursor


def test_the_first_and_the_last_page_have_no_neighbour(findings):
    assert page().previous_cursor == ""
    assert page(size=7).next_cursor == ""


def test_a_row_that_came_in_meanwhile_moves_no_row_to_another_page(findings):
    second = page(page().next_cursor)
    control = factories.control(severity="CRITICAL")
    factories.finding(account=factories.account(), control=control)
    again = page(second.previous_cursor)
    assert page(again.next_cursor).rows == second.rows


@pytest.mark.parametrize("text", ["", "nonsense", "4-12", "W10:abc:def", "\0", "é" * 300])
def test_a_cursor_that_this_site_did_not_sign_is_the_first_page(text):
    assert web.read_cursor(text, keys=KEYS) is None


@pytest.mark.parametrize(
    "others",
    [
        [Key("pk")],
        [Key("due_at"), Key("pk")],
        [Key("severity_rank"), Key("pk", is_descending=True)],
    ],
)
def test_a_cursor_of_another_order_is_the_first_page(others):
    text = web.write_cursor(Cursor((4, 7)), keys=KEYS)
    assert web.read_cursor(text, keys=others) is None
    assert web.read_cursor(text, keys=KEYS) == Cursor((4, 7))


def request(**headers):
    made = RequestFactory().get("/", headers=headers)
    made.htmx = HtmxDetails(made)
    return made


def test_htmx_gets_a_fragment_and_everything_else_the_page():
    assert web.is_fragment(request(**{"HX-Request": "true"}))
    assert not web.is_fragment(request())
    assert not web.is_fragment(request(**{"HX-Request": "true", "HX-Boosted": "true"}))
    restored = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert not web.is_fragment(request(**restored))


def test_a_query_string_keeps_what_it_was_not_told_to_change():
    values = QueryDict("severity=HIGH&severity=LOW&q=&cursor=abc&sort=newest")
    assert web.query(values, sort="") == "severity=HIGH&severity=LOW"
    assert web.query(values, cursor="x") == "severity=HIGH&severity=LOW&sort=newest&cursor=x"
