"""The page of a change: its parts, their causes, and every cell behind them on exactly one page."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse

from inventory.models import Account
from posture.queries import change_page, changes
from posture.queries.changes import Behind, cells
from posture.scoring import Part
from tests import factories
from tests.factories import DAY, NOW
from tests.posture.written import write_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

BEFORE = DAY - timedelta(days=7)
HTMX = {"HX-Request": "true", "HX-Target": "cells"}


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def engineer(db):
    return factories.security_engineer()


@pytest.fixture
def week():
    """One OU in which something of every kind happened, and one that an account came from."""
    ou, elsewhere = factories.ou(name="Payments"), factories.ou(name="Elsewhere")
    stay = [factories.account(ou=ou, name=f"stay-{number}") for number in range(4)]
    comer = factories.account(ou=elsewhere, name="comer")
    goer = factories.account(ou=ou, name="goer")
    kms = factories.control(control_id="KMS.4", severity="HIGH")
    iam = factories.control(control_id="IAM.4", severity="CRITICAL")
    then = {(account, kms): (2, 2, 0, 0) for account in [*stay, comer, goer]}
    then |= {(account, iam): (1, 0, 0, 0) for account in [*stay, comer, goer]}
    then[stay[3], iam] = (3, 1, 0, 0)
    write_day(then, day=BEFORE)
    Account.objects.filter(pk=comer.pk).update(ou=ou)
    Account.objects.filter(pk=goer.pk).update(ou=elsewhere)
    new = factories.control(control_id="SSM.7", severity="MEDIUM")
    now = then | {(stay[0], kms): (3, 1, 0, 0), (stay[1], kms): (1, 3, 0, 0)}
    now |= {(stay[2], kms): (0, 0, 0, 4), (stay[3], iam): (3, 0, 1, 0)}
    now |= {(account, new): (0, 2, 0, 0) for account in stay}
    write_day(now, day=DAY)
    return {"ou": ou, "elsewhere": elsewhere, "comer": comer, "goer": goer}


def every_cell(user, ou, split, behind):
    found, cursor = [], ""
    while True:
        page = cells(user, ou, split, behind, cursor_text=cursor)
        found += page.rows
        cursor = page.next_cursor
        if not cursor:
            return found


def test_the_cells_of_each_part_sum_to_it(engineer, week, monkeypatch):
    monkeypatch.setattr("posture.queries.changes.behind.PAGE_SIZE", 3)
    split = changes.between(engineer, week["ou"], BEFORE, DAY)
    for part in Part:
        found = every_cell(engineer, week["ou"], split, Behind(part))
        keys = [(cell.account, cell.control, cell.cause) for cell in found]
        assert len(keys) == len(set(keys)) > 0
        assert [cell.size for cell in found] == sorted((c.size for c in found), reverse=True)
        total = sum(cell.points for cell in found)
        assert abs(total - getattr(split.change, part)) < Decimal("1e-5")
        for cause in split.of_part(part):
            behind = Behind(part, cause.cause, cause.name)
            of_cause = every_cell(engineer, week["ou"], split, behind)
            assert len(of_cause) == cause.cells
            assert abs(sum(cell.points for cell in of_cause) - cause.points) < Decimal("1e-5")


def test_pages_go_back_to_where_they_came_from(engineer, week, monkeypatch):
    monkeypatch.setattr("posture.queries.changes.behind.PAGE_SIZE", 2)
    split = changes.between(engineer, week["ou"], BEFORE, DAY)
    first = cells(engineer, week["ou"], split, Behind(Part.ENTRIES))
    second = cells(engineer, week["ou"], split, Behind(Part.ENTRIES), cursor_text=first.next_cursor)
    back = cells(
        engineer, week["ou"], split, Behind(Part.ENTRIES), cursor_text=second.previous_cursor
    )
    assert back.rows == first.rows and second.rows != first.rows


def test_of_an_account_that_came_or_left_only_its_time_here_is_shown(week):
    reader = factories.ou_reader(ou=week["ou"])
    split = changes.between(reader, week["ou"], BEFORE, DAY)
    came = [
        cell
        for cell in every_cell(reader, week["ou"], split, Behind(Part.ENTRIES))
        if cell.account == week["comer"].pk
    ]
    gone = [
        cell
        for cell in every_cell(reader, week["ou"], split, Behind(Part.EXITS))
        if cell.account == week["goer"].pk
    ]
    assert {(cell.before, cell.is_visible) for cell in came} == {(None, True)}
    assert {(cell.after, cell.is_visible) for cell in gone} == {(None, False)}
    assert len(came) == len(gone) == 2


def url(ou, query=""):
    return reverse("posture:change", args=[ou.ou_id]) + query


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_page_shows_a_week_by_default_with_its_causes(client, engineer, week):
    client.force_login(engineer)
    shown = client.get(url(week["ou"]))
    assert shown.status_code == 200
    assert "from the end of 13 Nov 2026 to the end of 20 Nov 2026" in text(shown)
    for cause in ("control enabled", "account moved", "data lost", "improved", "worsened"):
        assert cause in text(shown)
    assert "exception granted" in text(shown)


def test_a_part_lists_its_cells_whole_and_in_part(client, engineer, week):
    client.force_login(engineer)
    query = "?since=2026-11-13&until=2026-11-20&part=exits"
    whole = client.get(url(week["ou"], query))
    part = client.get(url(week["ou"], query), headers=HTMX)
    for response in (whole, part):
        assert "goer" in text(response) and "not in this OU" in text(response)
    assert "<html" in whole.content.decode()
    assert part.content.decode().strip().startswith('<section class="card" id="cells"')
    # As the weekly review links to it.
    linked = client.get(url(week["ou"], "?day=2026-11-20&part=entries"))
    assert "SSM.7" in text(linked)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?since=2026-11-20&until=2026-11-13", "no scores that are so old"),
        ("?since=2026-11-20&until=2026-11-20", "The first day has to be before the second"),
        ("?since=nonsense", "is not a day"),
        ("?until=2025-01-01", "no scores that are so old"),
    ],
)
def test_days_that_cannot_be_compared_are_said_to_be_so(client, engineer, week, query, said):
    client.force_login(engineer)
    shown = client.get(url(week["ou"], query))
    assert shown.status_code == 400 or "no scores" in said
    assert said in text(shown) or "has to be before" in text(shown)


@pytest.mark.parametrize("query", ["?part=x", "?part=exits&cause=%00", "?part=exits&cursor=abc"])
def test_nonsense_in_the_address_is_no_server_error(client, engineer, week, query):
    client.force_login(engineer)
    assert client.get(url(week["ou"], query)).status_code in (200, 400)


def test_an_ou_that_was_not_there_has_nothing_to_compare(client, engineer, week):
    client.force_login(engineer)
    fresh = factories.ou(name="Fresh")
    assert "Nothing to compare" in text(client.get(url(fresh)))


def test_a_foreign_ou_has_no_page(client, week):
    client.force_login(factories.ou_reader(ou=week["ou"]))
    assert client.get(url(week["ou"])).status_code == 200
    assert client.get(url(week["elsewhere"])).status_code == 404


def test_a_page_takes_as_many_queries_for_one_cell_and_for_many(
    engineer, week, django_assert_max_num_queries
):
    ou = change_page.unit(engineer, week["ou"].ou_id)
    with django_assert_max_num_queries(5):
        change_page.change_page(
            engineer, ou, (BEFORE, DAY), behind=Behind(Part.ENTRIES), cursor_text=""
        )
