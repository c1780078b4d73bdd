"""Scorecards of today and as of a day that is over, owners, and two OUs side by side."""

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from findings.models import Control
from inventory.models import Account, OrganizationalUnit
from posture import scoring
from posture.models import AccountDay, OuDay
from posture.queries import account_page, accounts, compare, figures, organization, teams
from posture.queries.accounts import AccountFilters
from posture.queries.scorecard import below, scorecard
from posture.rollups.changes import write_changes
from tests import factories
from tests.factories import DAY, NOW
from tests.posture.written import noon, write_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

WEEK = timedelta(days=7)
YESTERDAY = DAY - timedelta(days=1)
THEN = DAY - WEEK
HTMX = {"HX-Request": "true"}


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def engineer(db):
    return factories.security_engineer()


@pytest.fixture
def site(client, engineer):
    client.force_login(engineer)
    return client


@pytest.fixture
def moved():
    """Payments and Media a week ago; since then an account moved, and a control was fixed in it."""
    payments, media = factories.ou(name="Payments"), factories.ou(name="Media")
    old, new = factories.team(slug="old-owner"), factories.team(slug="new-owner")
    mover = factories.account(ou=payments, name="mover", team=old)
    stayer = factories.account(ou=payments, name="stayer", team=old)
    other = factories.account(ou=media, name="other", team=new)
    kms = factories.control(control_id="KMS.4", severity="HIGH", title="Keys rotate")
    cells = {(mover, kms): (1, 3, 0, 0), (stayer, kms): (4, 0, 0, 0), (other, kms): (2, 2, 0, 0)}
    write_day(cells, day=THEN)
    Account.objects.filter(pk=mover.pk).update(ou=media, team=new)
    write_day(cells | {(mover, kms): (4, 0, 0, 0)}, day=YESTERDAY)
    write_day(cells | {(mover, kms): (4, 0, 0, 0)}, day=DAY)
    write_changes(DAY, now=NOW)
    factories.rollup_state()
    return {"payments": payments, "media": media, "mover": mover, "stayer": stayer, "other": other}


def get(client, name, *args, query="", headers=None):
    return client.get(reverse(name, args=args) + query, headers=headers or {})


def text(response):
    content = response.content.decode() if hasattr(response, "content") else ""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def past(day=THEN):
    return f"?as_of={day.isoformat()}"


# --- As of a day -----------------------------------------------------------------------------------


def test_a_scorecard_of_a_past_day_has_the_accounts_and_controls_of_that_day(engineer, moved):
    now = scorecard(engineer, moved["payments"].ou_id, day=DAY)
    then = scorecard(engineer, moved["payments"].ou_id, day=THEN, is_frozen=True)
    assert (now.standing.figures.accounts, then.standing.figures.accounts) == (1, 2)
    assert (now.standing.score, then.standing.score) == (Decimal("100.0"), Decimal("62.5"))
    assert now.failing.top == ()
    (row,) = then.failing.top
    assert (row.control_id, row.failed, row.accounts_failing, row.accounts) == ("KMS.4", 3, 1, 2)
    assert row.points == Decimal("37.5")
    assert [need.account.name for need in then.needs] == ["mover"]
    assert then.people.owners == ((moved["stayer"].team_id, "old owner", 2),)
    assert dict(then.letters)["F"] == 1


def test_nothing_that_happens_later_changes_a_past_scorecard(engineer, moved):
    def read():
        card = scorecard(engineer, moved["payments"].ou_id, day=THEN, is_frozen=True)
        listed = accounts.listing(
            engineer, AccountFilters(), cursor_text="", day=THEN, is_frozen=True
        )
        page = account_page.account_page(
            engineer, moved["mover"].account_id, day=THEN, is_frozen=True
        )
        ous = organization.scorecards(engineer, day=THEN, is_frozen=True)
        return card, listed, (page.standing, page.controls, page.way, page.facts.team), ous

    before = read()
    factories.ou(name="New OU")
    Account.objects.filter(pk=moved["stayer"].pk).update(
        gone_at=noon(DAY), ou=moved["media"], team=None, criticality=9
    )
    Control.objects.filter(control_id="KMS.4").update(severity="LOW", is_scored=False)
    write_day({}, day=DAY)
    assert read() == before


def test_an_ou_that_is_gone_stands_in_the_list_of_its_days_alone(engineer, moved):
    OrganizationalUnit.objects.filter(pk=moved["media"].pk).update(gone_at=noon(DAY))
    then = {row.name for row in organization.scorecards(engineer, day=THEN, is_frozen=True)}
    now = {row.name for row in organization.scorecards(engineer, day=DAY)}
    assert then - now == {"Media"}


def test_the_account_page_of_a_past_day_says_where_it_was_and_what_failed(site, moved):
    shown = get(site, "posture:account", moved["mover"].account_id, query=past())
    assert "Payments" in text(shown) and "owner old owner" in text(shown)
    assert "As of 13 November 2026, frozen." in text(shown)
    assert [(row.control_id, row.failed) for row in shown.context["page"].controls] == [
        ("KMS.4", 3)
    ]
    assert 'href="/findings/?account=' not in shown.content.decode().split("Failing controls")[1]
    now = get(site, "posture:account", moved["mover"].account_id)
    assert "frozen" not in text(now) and "No control fails here" in text(now)


def test_the_account_list_of_a_past_day_is_narrowed_by_the_places_of_that_day(site, moved):
    ou = moved["payments"].ou_id
    then = get(site, "posture:accounts", query=f"{past()}&ou={ou}&team=old-owner")
    assert {row.name for row in then.context["page"].rows} == {"mover", "stayer"}
    assert then.context["total"] == 2
    assert {row.ou_label for row in then.context["page"].rows} == {"Payments"}
    assert "Back to today" in text(then)
    now = get(site, "posture:accounts", query=f"?ou={ou}")
    assert {row.name for row in now.context["page"].rows} == {"stayer"}


def test_a_reader_of_an_ou_sees_its_accounts_of_that_day_and_opens_only_their_own(client, moved):
    client.force_login(factories.ou_reader(ou=moved["payments"]))
    rows = get(client, "posture:accounts", query=past()).context["page"].rows
    assert {(row.name, row.is_visible) for row in rows} == {("mover", False), ("stayer", True)}
    now = get(client, "posture:accounts").context["page"].rows
    assert {row.name for row in now} == {"stayer"}
    assert get(client, "posture:scorecard", moved["media"].ou_id, query=past()).status_code == 404


def test_a_day_without_a_rollup_shows_the_newest_before_it_and_says_so(site, moved):
    day = THEN + timedelta(days=2)
    shown = get(site, "posture:scorecard", moved["payments"].ou_id, query=past(day))
    assert shown.context["card"].day == THEN
    assert "It is the newest day with scores up to 15 November 2026" in text(shown)


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2026-02-30", "“2026-02-30” is not a day"),
        ("yesterday", "“yesterday” is not a day"),
        ("2026-11-21", "21 November 2026 has not come yet"),
        ("2026-11-12", "12 November 2026 is before the first data"),
        ("%00", "is not a day"),
    ],
)
@pytest.mark.parametrize("name", ["scorecards", "scorecard", "accounts", "account", "teams"])
def test_a_day_that_cannot_be_shown_is_said_to_be_so(site, moved, name, day, reason):
    kwargs = {"scorecard": [moved["payments"].ou_id], "account": [moved["mover"].account_id]}
    shown = get(site, f"posture:{name}", *kwargs.get(name, []), query=f"?as_of={day}")
    assert shown.status_code == 400
    assert reason in text(shown) and "go back to today" in text(shown)
    assert "62.5" not in text(shown)


def test_today_is_never_frozen(site, moved):
    shown = get(site, "posture:scorecard", moved["payments"].ou_id, query=past(DAY))
    assert shown.status_code == 200 and "frozen" not in text(shown)


def test_links_of_a_past_page_stay_on_its_day(site, moved):
    content = get(site, "posture:scorecards", query=past()).content.decode()
    assert f'/scorecards/{moved["payments"].ou_id}/?as_of=2026-11-13"' in content
    assert "/findings/?ou=" not in content


def test_a_past_scorecard_costs_the_same_after_many_more_days(site, moved):
    def count():
        with CaptureQueriesContext(connection) as captured:
            get(site, "posture:scorecard", moved["payments"].ou_id, query=past())
        return len(captured)

    get(site, "posture:scorecard", moved["payments"].ou_id)
    before = count()
    for age in range(8, 30):
        for ou in OrganizationalUnit.objects.all():
            factories.ou_day(ou=ou, day=DAY - timedelta(days=age))
    assert count() == before


def test_a_scorecard_takes_few_queries_with_the_frame_of_the_page(
    site, moved, django_assert_max_num_queries
):
    url = reverse("posture:scorecard", args=[moved["payments"].ou_id])
    site.get(url)  # what is kept for the process
    # Two of them count exceptions: the OU with the day of its organisation, and the sums.
    with django_assert_max_num_queries(22):
        site.get(url)
    with django_assert_max_num_queries(20):
        site.get(url + past())


# --- Letters ---------------------------------------------------------------------------------------


def test_an_upgrade_waits_until_it_has_lasted_for_two_days(site):
    ou = factories.ou()
    for age, score in [(2, 96), (1, 84), (0, 96)]:
        factories.ou_day(ou=ou, day=DAY - timedelta(days=age), score=score)
    card = get(site, "posture:scorecard", ou.ou_id).context["card"]
    assert (card.standing.letter, card.standing.score) == ("C", 96)
    assert "an upgrade needs two days" in card.standing.reason
    before = scorecard(factories.security_engineer(), ou.ou_id, day=YESTERDAY, is_frozen=True)
    assert before.standing.letter == "C"  # a downgrade counts at once


def test_an_account_is_held_back_in_every_list_alike(engineer):
    account = factories.account()
    for age, score in [(1, 40), (0, 90)]:
        factories.account_day(account=account, day=DAY - timedelta(days=age), score=score)
    (row,) = accounts.listing(engineer, AccountFilters(), cursor_text="", day=DAY).rows
    page = account_page.account_page(engineer, account.account_id, day=DAY)
    assert row.standing.letter == page.standing.letter == "F"
    assert below.letters_below(factories.root(), day=DAY) == {"F": 1}


amounts = st.tuples(st.integers(0, 1000), st.sampled_from([0, 1, 1000]))
day_rows = st.tuples(amounts, amounts, amounts, st.integers(0, 1), st.integers(0, 1))


def _fields(row):
    managed, coverage, exception, critical, high = row
    found = {"overdue_critical": critical, "overdue_high": high}
    for name, (n, d) in {"managed": managed, "coverage": coverage, "exception": exception}.items():
        found[f"{name}_n"], found[f"{name}_d"] = Decimal(min(n, d)), Decimal(d)
    return found


class SameLetters(TestCase):
    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )
    @given(rows=st.lists(st.tuples(day_rows, day_rows), min_size=1, max_size=6))
    def test_letters_counted_by_the_database_are_those_of_the_arithmetic(self, rows):
        for now, before in rows:
            account = factories.account()
            factories.account_day(account=account, score=None, **_fields(now))
            factories.account_day(account=account, day=YESTERDAY, score=None, **_fields(before))
        found = below.letters_below(factories.root(), day=DAY)
        expected = {}
        for account in Account.objects.all():
            now, before = (
                figures.of_account(AccountDay.objects.get(account=account, day=day))
                for day in (DAY, YESTERDAY)
            )
            letter = str(figures.standing(now, previous=before).letter)
            expected[letter] = expected.get(letter, 0) + 1
        assert found == expected


def test_the_lowest_grades_are_listed_whatever_the_accounts_weigh(engineer):
    ou = factories.ou()
    factories.ou_day(ou=ou, score=50, weight=1000)
    for name, score, weight in [("small", 20, 1), ("large", 80, 900), ("fine", 97, 10)]:
        factories.account_day(
            account=factories.account(ou=ou, name=name), score=score, weight=weight
        )
    factories.account_day(account=factories.account(ou=ou, name="dark"), score=10, coverage=50)
    card = scorecard(engineer, ou.ou_id, day=DAY)
    assert [need.account.name for need in card.lowest] == ["small", "large", "fine"]
    assert card.needs[0].account.name == "large"
    assert dict(card.letters) == {"A": 1, "B": 0, "C": 1, "D": 0, "F": 1, "NR": 1}


# --- The parts of a scorecard ----------------------------------------------------------------------


def test_the_header_counts_who_is_scored_who_is_new_and_who_is_left_out(engineer):
    ou = factories.ou()
    team = factories.team(slug="payments")
    factories.account(ou=ou, team=team)
    factories.account(ou=ou, joined_at=NOW - timedelta(days=3))
    factories.account(ou=ou, state="SUSPENDED")
    write_day({}, day=DAY)
    people = scorecard(engineer, ou.ou_id, day=DAY).people
    assert (people.active, people.onboarding, people.excluded) == (1, 1, 1)
    assert (people.owners, people.unowned) == (((team.pk, "payments", 1),), 2)


def test_areas_are_read_against_siblings_and_all_ous(engineer):
    parent = factories.ou(name="Parent")
    ous = [factories.ou(parent=parent, name=name) for name in "abc"]
    elsewhere = factories.ou(name="Elsewhere")
    for ou, score in zip([parent, *ous, elsewhere], [50, 10, 60, 70, 90], strict=True):
        factories.ou_day(ou=ou, score=score)
        factories.ou_day(ou=ou, score=score, area="IDENTITY")
    factories.ou_day(ou=factories.root(), score=1)
    card = scorecard(engineer, ous[0].ou_id, day=DAY)
    assert (card.reference.siblings, card.reference.organization) == (65, 60)
    identity = next(area for area in card.areas if area.code == "IDENTITY")
    assert (identity.score, identity.siblings, identity.tick) == (10, 65, 60)
    # Who sees the parent learns of the siblings, not of the rest; who sees one OU, of nobody.
    of_parent = scorecard(factories.ou_reader(ou=parent), ous[0].ou_id, day=DAY)
    assert (of_parent.reference.siblings, of_parent.reference.organization) == (65, None)
    of_one = scorecard(factories.ou_reader(ou=ous[0], username="one"), ous[0].ou_id, day=DAY)
    assert (of_one.reference.siblings, of_one.reference.organization) == (None, None)


def test_provisional_controls_and_those_of_the_organisation_stand_apart(site):
    root = factories.root()
    account = factories.account()
    plain = factories.control(control_id="S3.8")
    new = factories.control(control_id="SSM.7", scored_from=DAY + timedelta(days=5))
    whole = factories.control(control_id="Inspector.1", is_delegated_admin_only=True)
    write_day({(account, one): (1, 1, 0, 0) for one in (plain, new, whole)}, day=YESTERDAY)
    write_day({(account, one): (1, 1, 0, 0) for one in (plain, new, whole)}, day=DAY)
    for query in ("", past(YESTERDAY)):
        shown = get(site, "posture:scorecard", root.ou_id, query=query)
        failing = shown.context["card"].failing
        named = [
            [row.control_id for row in rows]
            for rows in (failing.top, failing.provisional, failing.of_all)
        ]
        assert named == [["S3.8"], ["SSM.7"], ["Inspector.1"]]
        assert failing.provisional[0].points is None
    assert "25 Nov 2026" in text(get(site, "posture:scorecard", root.ou_id))
    page = get(site, "posture:account", account.account_id).context["page"]
    assert [(row.control_id, row.is_provisional) for row in page.controls] == [
        ("S3.8", False),
        ("SSM.7", True),
    ]


def test_the_week_is_split_on_the_scorecard_and_each_part_opens_its_cells(site, moved):
    shown = get(site, "posture:scorecard", moved["payments"].ou_id)
    content = shown.content.decode()
    url = reverse("posture:change", args=[moved["payments"].ou_id])
    assert f'{url}?since=2026-11-13&amp;until=2026-11-20&amp;part=exits"' in content
    assert "account moved: mover" in text(shown)
    parts = {str(part.part): part.points for part in shown.context["card"].change.parts}
    assert parts == {"exits": Decimal("37.5"), "posture": 0, "entries": 0, "exceptions": 0}


def test_the_score_of_aws_is_a_figure_of_its_own(site):
    ou = factories.ou()
    one, two = factories.account(ou=ou), factories.account(ou=ou)
    good, bad, hidden, off = (factories.control(control_id=f"S3.{number}") for number in range(4))
    Control.objects.filter(pk=off.pk).update(status="DISABLED", disabled_reason="Not in use")
    for account in (one, two):
        factories.finding(account=account, control=good, status="PASSED")
    factories.finding(account=one, control=bad, status="PASSED")
    factories.finding(account=two, control=bad)
    factories.finding(account=one, control=hidden, workflow="SUPPRESSED")
    factories.finding(account=one, control=off)
    factories.count_findings()
    for place in (ou, factories.root()):
        factories.ou_day(ou=place, score=80)
        card = get(site, "posture:scorecard", place.ou_id).context["card"]
        assert (card.aws.score, card.aws.passed, card.aws.controls) == (50, 1, 2)
        assert (card.standing.score, card.exceptions.suppressed) == (80, 1)
        assert [row.reason for row in card.exceptions.controls] == ["Not in use"]
    shown = text(get(site, "posture:scorecard", ou.ou_id))
    assert (
        "AWS\N{RIGHT SINGLE QUOTATION MARK}s own security score 50%" in shown
        and "never part of the score above" in shown
    )


def test_without_a_counted_finding_the_score_of_aws_is_unknown(site):
    ou = factories.ou()
    factories.ou_day(ou=ou)
    shown = get(site, "posture:scorecard", ou.ou_id)
    assert shown.context["card"].aws.score is None
    assert "AWS\N{RIGHT SINGLE QUOTATION MARK}s own security score no data" in text(shown)


def test_what_is_not_kept_of_past_days_is_not_shown_as_nought(site, moved):
    shown = get(site, "posture:scorecard", moved["payments"].ou_id, query=past())
    card = shown.context["card"]
    assert (card.aws, card.exceptions.suppressed, card.exceptions.disabled) == (None, None, None)
    assert "not kept for past days" in text(shown)


def test_invariants_are_not_claimed_before_there_are_any(site, moved):
    shown = text(get(site, "posture:scorecard", moved["payments"].ou_id))
    assert "Not worked out yet" in shown
    assert "Until then nothing is claimed." in shown


@pytest.fixture
def family():
    parent = factories.ou(name="Parent")
    factories.ou_day(ou=parent)
    for name, score, coverage, number in [("a", 70, 90, 1), ("b", 50, 99, 9), ("=c", None, 10, 3)]:
        ou = factories.ou(parent=parent, name=name)
        factories.ou_day(ou=ou, score=score, coverage=coverage, accounts_total=number)
        if score:
            factories.account_day(account=factories.account(ou=ou), score=score)
    return parent


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("", ["=c", "a", "b"]),
        ("score", ["b", "a", "=c"]),
        ("coverage", ["=c", "a", "b"]),
        ("accounts", ["b", "=c", "a"]),
        ("nonsense", ["=c", "a", "b"]),
    ],
)
def test_child_ous_are_sorted_as_asked_in_page_part_and_file(site, family, sort, names):
    query = f"?sort={sort}"
    page = get(site, "posture:scorecard", family.ou_id, query=query)
    assert [child.ou.name for child in page.context["children"]] == names
    headers = HTMX | {"HX-Target": "children"}
    part = get(site, "posture:scorecard", family.ou_id, query=query, headers=headers)
    assert part.content.decode().strip().startswith('<section class="card" id="children"')
    answer = get(site, "posture:scorecard_children_csv", family.ou_id, query=query)
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [row["name"].lstrip("'") for row in rows] == names
    by_name = {row["name"]: row for row in rows}
    assert by_name["'=c"]["score"] == "" and by_name["'=c"]["grade"] == "NR"
    assert (by_name["b"]["score"], by_name["b"]["accounts_d"]) == ("50.0", "1")


def test_the_file_of_child_ous_is_only_for_who_may_see_them(client, family):
    client.force_login(factories.stranger())
    assert get(client, "posture:scorecard_children_csv", family.ou_id).status_code == 404


# --- Owners ----------------------------------------------------------------------------------------


def test_owners_are_the_sums_of_their_accounts_on_the_day(engineer, moved):
    then = {row.name: row for row in teams.teams(engineer, day=THEN, is_frozen=True)}
    now = {row.name: row for row in teams.teams(engineer, day=DAY)}
    assert then["old owner"].standing.score == Decimal("62.5")
    assert then["old owner"].standing.figures.accounts_total == 2
    assert now["old owner"].standing.score == 100
    assert now["new owner"].standing.figures.accounts_total == 2
    assert now["new owner"].standing.score == Decimal("75.0")
    page = teams.team_page(engineer, moved["stayer"].team_id, day=THEN, is_frozen=True)
    assert {row.name for row in page.accounts} == {"mover", "stayer"}
    area = next(area for area in page.areas if area.code == "DATA_PROTECTION")
    assert area.score == Decimal("62.5")


def test_a_person_sees_the_accounts_of_an_owner_that_are_theirs_to_see(client, moved):
    client.force_login(factories.ou_reader(ou=moved["media"]))
    shown = get(client, "posture:team", moved["other"].team_id)
    assert shown.context["page"].is_part
    assert "These are the accounts that you see" in text(shown)
    assert get(client, "posture:team", moved["stayer"].team_id).status_code == 404
    client.force_login(factories.team_member(team=moved["stayer"].team))
    own = get(client, "posture:team", moved["stayer"].team_id)
    assert not own.context["page"].is_part
    assert [row.name for row in get(client, "posture:teams").context["teams"]] == ["old owner"]
    client.force_login(factories.stranger())
    assert "No owner to show" in text(get(client, "posture:teams"))
    assert get(client, "posture:team", moved["stayer"].team_id).status_code == 404


def test_accounts_without_an_owner_are_a_row_of_their_own(site):
    factories.account(name="lone")
    write_day({}, day=DAY)
    shown = get(site, "posture:teams")
    assert [(row.key, row.name) for row in shown.context["teams"]] == [(0, "No owner")]
    page = get(site, "posture:team", 0)
    assert [row.name for row in page.context["page"].accounts] == ["lone"]
    assert "team=none" in page.content.decode()


# --- Two OUs ---------------------------------------------------------------------------------------


def test_two_ous_stand_side_by_side_with_the_controls_that_fail_in_both(engineer, moved):
    both = compare.compare(engineer, moved["payments"].ou_id, moved["media"].ou_id, day=THEN)
    assert (both.first.standing.score, both.second.standing.score) == (Decimal("62.5"), 50)
    assert both.gap == Decimal("-12.5")
    (row,) = both.shared
    assert (row.control_id, row.first.failed, row.second.failed) == ("KMS.4", 3, 2)
    assert (row.first_points, row.second_points) == (Decimal("37.5"), 50)
    now = compare.compare(engineer, moved["payments"].ou_id, moved["media"].ou_id, day=DAY)
    assert now.shared == ()


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ("", "", "Choose two OUs"),
        ("payments", "payments", "Choose two different OUs"),
        ("payments", "ou-ab12-99999999", "There is no such organisational unit"),
        ("payments", "media", "Controls that fail in both"),
    ],
)
def test_the_page_says_what_to_choose(site, moved, a, b, said):
    query = f"?a={moved[a].ou_id if a in moved else a}&b={moved[b].ou_id if b in moved else b}"
    shown = get(site, "posture:compare", query=query)
    assert shown.status_code == 200 and said in text(shown)


def test_a_foreign_ou_cannot_be_compared(client, moved):
    client.force_login(factories.ou_reader(ou=moved["payments"]))
    query = f"?a={moved['payments'].ou_id}&b={moved['media'].ou_id}"
    shown = get(client, "posture:compare", query=query)
    assert "There is no such organisational unit" in text(shown)
    assert "50.0" not in text(shown)


def test_the_sums_of_owners_are_those_of_the_organisation(engineer, moved):
    root = OuDay.objects.get(ou__parent=None, day=DAY, area="")
    found = teams.teams(engineer, day=DAY)
    total = scoring.Sums.total(row.standing.figures.sums for row in found)
    assert (total.managed_n, total.managed_d) == (root.managed_n, root.managed_d)
