"""The page of coverage: what is expected, what is on, what is not known, and who sees which of it."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.urls import reverse

from findings.models import Control
from inventory.facts import DETECTION, Fact
from inventory.models import Account, AccountFact
from posture import rollups as scores
from posture.models import AccountCoverage, KpiPoint, RollupState
from posture.queries import coverage
from posture.rollups import coverage as rollups
from posture.rollups import kpis
from posture.rollups.kpis.functions import k22
from tests import factories
from tests.factories import NOW
from tests.fixtures import kpis as made

pytestmark = pytest.mark.django_db

REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "us-west-2")
STALE = NOW - timedelta(hours=72)
# V17 of the KPI design: 40 pairs, 37 with all four services. Counted by "any Region" it would be 100.
PAIRS, ALL_FOUR, PERCENT = 40, 37, Decimal("92.5")


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


def regions(account, names=REGIONS, status="ENABLED_BY_DEFAULT"):
    tell(account, "region.status", names, value=status)
    return account


def tell(account, key, names=REGIONS, *, value=True, state="KNOWN", as_of=NOW, **more):
    for region in names:
        AccountFact.objects.update_or_create(
            account=account,
            region=region,
            key=key,
            defaults={
                "value": value if state == "KNOWN" else None,
                "state": state,
                "as_of": as_of,
                "missing_permission": more.get("missing_permission", ""),
            },
        )


def count():
    return rollups.count_coverage(now=NOW, stale_before=STALE)


def cell(user, slug):
    """The uppermost row's number for a service."""
    count()
    page = coverage.heat(user, "")
    return next(one for one in page.rows[0].cells if one.column.slug == slug)


def engineer():
    return factories.security_engineer()


def test_detection_coverage_is_that_of_the_vector():
    accounts = [regions(factories.account()) for _ in range(10)]
    for account in accounts:
        for fact in DETECTION:
            tell(account, fact)
    tell(accounts[0], Fact.GUARDDUTY, ["us-east-1"], value=False)
    tell(accounts[1], Fact.CONFIG_RECORDER, ["us-west-2"], state="DENIED")
    AccountFact.objects.filter(
        account=accounts[2], region="eu-west-1", key=Fact.CLOUDTRAIL
    ).delete()
    found = cell(engineer(), "detection")
    assert (found.expected, found.on) == (PAIRS, ALL_FOUR)
    assert found.percent == PERCENT
    assert (found.told, found.denied, found.untold) == (38, 1, 1)


def test_what_is_expected_comes_from_accounts_and_regions_and_never_from_what_was_told():
    account = regions(factories.account(), ["eu-west-1", "us-east-1"])
    regions(account, ["eu-south-2"], status="DISABLED")
    tell(account, Fact.GUARDDUTY, ["eu-west-1", "eu-south-2"])
    assert cell(engineer(), "guardduty").percent == Decimal("50.0")


def test_an_account_whose_regions_nobody_told_is_expected_where_all_accounts_are():
    told = regions(factories.account())
    regions(told, ["eu-south-2"], status="ENABLED")
    tell(told, Fact.MACIE, [*REGIONS, "eu-south-2"])
    factories.account()
    found = cell(engineer(), "macie")
    assert (found.expected, found.on, found.untold) == (9, 5, 4)


@pytest.mark.parametrize("state", ["SUSPENDED", "CLOSED", "PENDING_CLOSURE"])
def test_accounts_that_are_not_active_are_not_expected(state):
    tell(regions(factories.account()), Fact.GUARDDUTY)
    regions(factories.account(state=state))
    regions(factories.account(ou=factories.ou(name="Suspended", role="SUSPENDED")))
    regions(factories.account(gone_at=NOW))
    assert cell(engineer(), "guardduty").percent == Decimal("100.0")


def test_nothing_known_is_no_data_and_a_hundred_is_shown_only_when_nothing_is_missing():
    accounts = [regions(factories.account(), ["eu-west-1"]) for _ in range(3)]
    assert cell(engineer(), "guardduty").percent is None
    tell(accounts[0], Fact.GUARDDUTY, ["eu-west-1"], state="DENIED")
    assert cell(engineer(), "guardduty").percent is None
    tell(accounts[0], Fact.GUARDDUTY, ["eu-west-1"], value=False)
    assert cell(engineer(), "guardduty").percent == 0
    cells = coverage.CoverageCell(coverage.SERVICES[1], expected=10_000, on=9_999, told=10_000)
    assert cells.percent == Decimal("99.9")


def test_a_fact_that_is_too_old_is_not_known_any_more():
    account = regions(factories.account(), ["eu-west-1", "us-east-1"])
    tell(account, Fact.GUARDDUTY, ["eu-west-1"], as_of=STALE - timedelta(minutes=1))
    tell(account, Fact.GUARDDUTY, ["us-east-1"], as_of=STALE)
    found = cell(engineer(), "guardduty")
    assert (found.expected, found.on, found.untold) == (2, 1, 1)


def test_where_aws_has_no_macie_none_is_expected_but_a_recorder_that_is_not_told_of_is():
    account = regions(factories.account(), ["eu-west-1", "us-east-1"])
    for fact in (Fact.MACIE, Fact.CONFIG_RECORDER):
        tell(account, fact, ["eu-west-1"])
        tell(account, fact, ["us-east-1"], state="UNAVAILABLE")
    assert cell(engineer(), "macie").percent == Decimal("100.0")
    assert cell(engineer(), "config").percent == Decimal("50.0")


def check(account, control_id, *, region="eu-west-1", **counts):
    of_account = {"resource_type": "AwsAccount", "resource_id": "AWS::::Account:1"}
    known = Control.objects.filter(control_id=control_id).first()
    control = known or factories.control(control_id=control_id)
    made.checked(account, control, region=region, **of_account, **counts)


def test_a_fresh_check_stands_in_where_a_service_did_not_tell():
    account = regions(factories.account(), ["eu-west-1", "us-east-1", "us-west-2"])
    tell(account, Fact.CLOUDTRAIL, ["eu-west-1", "us-west-2"])
    tell(
        account, Fact.CONFIG_RECORDER, ["eu-west-1"], state="DENIED", missing_permission="config:x"
    )
    # What the service itself tells comes first.
    tell(account, Fact.GUARDDUTY, ["us-east-1"], value=False)
    for control_id in ("Config.1", "GuardDuty.1"):
        check(account, control_id, passed=1)
    check(account, "GuardDuty.1", region="us-east-1", passed=1)
    check(account, "Config.1", region="us-east-1", passed=1, failed=1)
    check(account, "Config.1", region="us-west-2", passed=1, updated_at=STALE - timedelta(hours=1))
    found = {slug: cell(engineer(), slug) for slug in ("detection", "config", "guardduty")}
    assert {slug: (one.on, one.told, one.expected) for slug, one in found.items()} == {
        "detection": (1, 2, 3),
        "config": (1, 2, 3),
        "guardduty": (1, 2, 3),
    }
    # A check that ran also shows that Security Hub was on.
    hub = cell(engineer(), "securityhub")
    assert (hub.on, hub.told, hub.denied) == (2, 2, 0)
    (row,) = coverage.drill(engineer(), "", coverage.column("detection"), page=1).rows
    assert {gap.region: gap.words for gap in row.gaps} == {
        "us-east-1": "Config, GuardDuty off; CloudTrail not told",
        "us-west-2": "Config, GuardDuty, Security Hub not told",
    }


def test_a_region_without_guardduty_is_a_blind_spot_that_says_so():
    account = regions(factories.account(), ["eu-west-1", "us-east-1"])
    for fact in DETECTION:
        tell(account, fact, ["eu-west-1", "us-east-1"])
    tell(account, Fact.GUARDDUTY, ["us-east-1"], state="UNAVAILABLE")
    found = cell(engineer(), "detection")
    assert (found.on, found.expected) == (1, 2)
    (row,) = coverage.drill(engineer(), "", coverage.column("guardduty"), page=1).rows
    assert [gap.words for gap in row.gaps] == ["not offered there by AWS"]


def all_kinds_of_pairs():
    """Accounts in three OUs whose pairs are on, off, refused, untold, stale, absent and checked."""
    outer = factories.ou(name="Workloads")
    inner = factories.ou(name="Payments", parent=outer)
    states = ("KNOWN", "DENIED", "UNAVAILABLE")
    for number, ou in enumerate((factories.root(), outer, outer, inner, inner, inner)):
        account = regions(factories.account(ou=ou))
        for place, fact in enumerate(DETECTION):
            for turn, region in enumerate(REGIONS):
                kind = (number * 7 + place * 3 + turn * 5) % 11
                if kind < 7:
                    tell(account, fact, [region], value=kind > 0)
                elif kind < 10:
                    tell(account, fact, [region], state=states[kind - 7], as_of=NOW)
        tell(account, Fact.CLOUDTRAIL, ["us-west-2"], as_of=STALE - timedelta(hours=number))
        for turn, control_id in enumerate(("CloudTrail.1", "Config.1", "GuardDuty.1")):
            region = REGIONS[(number + turn) % 4]
            check(account, control_id, region=region, passed=number % 2, failed=(number + 1) % 2)
    factories.account(ou=inner, name="Silent")
    regions(factories.account(ou=inner, state="SUSPENDED"))
    regions(factories.account(ou=factories.ou(name="Suspended", role="SUSPENDED")))


def test_k22_and_the_page_are_one_count():
    all_kinds_of_pairs()
    scores.roll_up(now=NOW)
    kpis.fill("K22", NOW.date(), now=NOW)
    page = coverage.heat(engineer(), "")
    assert sorted(row.accounts for row in page.rows) == [0, 4, 6, 7]
    parts = {"detection": "", **{slug: slug for slug in k22.SERVICES}}
    for row in page.rows:
        if not row.accounts:
            continue
        cells = {one.column.slug: one for one in row.cells}
        for slug, part in parts.items():
            point = KpiPoint.objects.get(kpi="K22", part=part, ou__ou_id=row.ou_id)
            sums = (point.numerator, point.denominator, point.covered, point.expected)
            found = cells[slug]
            assert sums == (found.on, found.expected, found.told, found.expected), (row.name, slug)
    whole = next(one for one in page.rows[0].cells if one.column.slug == "detection")
    assert 0 < whole.on < whole.told < whole.expected


def test_k22_counts_anew_where_the_last_count_is_of_another_moment():
    account = regions(factories.account(), ["eu-west-1"])
    for fact in DETECTION:
        tell(account, fact, ["eu-west-1"])
    later = NOW + timedelta(days=40)
    count()
    scores.roll_up(now=later)
    kpis.fill("K22", later.date(), now=later)
    point = KpiPoint.objects.get(kpi="K22", part="", ou=factories.root())
    assert (point.numerator, point.denominator, point.covered) == (0, 1, 0)
    assert RollupState.objects.get(name="coverage").as_of == later


def test_an_ou_is_the_sum_of_what_lies_below_it():
    outer = factories.ou(name="Workloads")
    inner = factories.ou(name="Payments", parent=outer)
    for ou, on in ((factories.root(), True), (outer, False), (inner, True)):
        account = regions(factories.account(ou=ou), ["eu-west-1"])
        tell(account, Fact.GUARDDUTY, ["eu-west-1"], value=on)
    count()
    page = coverage.heat(engineer(), "")
    rows = {row.name: row for row in page.rows}
    sums = {
        name: next((c.on, c.expected) for c in row.cells if c.column.slug == "guardduty")
        for name, row in rows.items()
    }
    assert sums == {"Halden Group": (2, 3), "Workloads": (1, 2), "Payments": (1, 1)}
    assert [row.indent for row in page.rows] == [0, 1, 2]
    assert [row.accounts for row in page.rows] == [3, 2, 1]


def test_drilling_into_an_ou_shows_its_children_and_its_accounts_with_most_gaps_first(client):
    outer = factories.ou(name="Workloads")
    factories.ou(name="Deep", parent=factories.ou(name="Payments", parent=outer))
    good = regions(factories.account(ou=outer, name="all-good"), ["eu-west-1", "us-east-1"])
    tell(good, Fact.GUARDDUTY, ["eu-west-1", "us-east-1"])
    bad = regions(factories.account(ou=outer, name="some-gaps"), ["eu-west-1", "us-east-1"])
    tell(bad, Fact.GUARDDUTY, ["eu-west-1"], value=False)
    tell(
        bad,
        Fact.GUARDDUTY,
        ["us-east-1"],
        state="DENIED",
        missing_permission="guardduty:ListMembers",
    )
    regions(factories.account(name="elsewhere"))
    count()
    client.force_login(engineer())
    response = client.get(reverse("posture:coverage"), {"ou": outer.ou_id, "service": "guardduty"})
    page, drilled = response.context["page"], response.context["drilled"]
    assert [row.name for row in page.rows] == ["Workloads", "Payments"]
    assert [(row.name, row.on, row.expected) for row in drilled.rows] == [
        ("some-gaps", 0, 2),
        ("all-good", 2, 2),
    ]
    shown = text(response)
    assert "eu-west-1 off" in shown and "elsewhere" not in shown
    assert "us-east-1 refused (guardduty:ListMembers)" in shown
    assert "on everywhere" in shown


def test_all_four_name_the_services_that_are_missing(client):
    account = regions(factories.account(), ["eu-west-1"])
    for fact in (Fact.CLOUDTRAIL, Fact.SECURITY_HUB):
        tell(account, fact, ["eu-west-1"])
    tell(account, Fact.CONFIG_RECORDER, ["eu-west-1"], value=False)
    count()
    drilled = coverage.drill(engineer(), "", coverage.SERVICES[0], page=1)
    (gap,) = drilled.rows[0].gaps
    assert gap.words == "Config off; GuardDuty not told"
    assert gap.is_known


def test_accounts_come_in_pages():
    for _ in range(51):
        regions(factories.account(), ["eu-west-1"])
    count()
    column = coverage.column("macie")
    first = coverage.drill(engineer(), "", column, page=1)
    last = coverage.drill(engineer(), "", column, page=2)
    assert (first.previous_page, first.next_page, last.previous_page, last.next_page) == (
        0,
        2,
        1,
        0,
    )
    seen = [row.account_id for row in first.rows + last.rows]
    assert len(seen) == len(set(seen)) == 51


def text(response):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


@pytest.fixture
def two_teams():
    outer = factories.ou(name="Workloads")
    mine = factories.ou(name="Payments", parent=outer)
    foreign = factories.ou(name="Media")
    team = factories.team(slug="payments")
    for ou, name, on in ((mine, "payments-api", True), (foreign, "media-api", False)):
        account = regions(
            factories.account(ou=ou, name=name, team=team if on else None), ["eu-west-1"]
        )
        tell(account, Fact.GUARDDUTY, ["eu-west-1"], value=on)
    count()
    return {"outer": outer, "mine": mine, "foreign": foreign, "team": team}


def test_whoever_sees_a_part_of_the_tree_sees_its_numbers_alone(client, two_teams):
    reader = factories.ou_reader(ou=two_teams["mine"])
    page = coverage.heat(reader, "")
    assert [row.name for row in page.rows] == ["Payments"]
    assert cell(reader, "guardduty").percent == Decimal("100.0")
    client.force_login(reader)
    shown = client.get(reverse("posture:coverage"), {"ou": two_teams["mine"].ou_id})
    assert "payments-api" in text(shown) and "media-api" not in text(shown)
    assert "Workloads" not in text(shown)
    for other in ("foreign", "outer"):
        address = {"ou": two_teams[other].ou_id}
        assert client.get(reverse("posture:coverage"), address).status_code == 404


def test_a_team_member_sees_their_accounts_as_one_row_and_one_by_one(client, two_teams):
    member = factories.team_member(team=two_teams["team"])
    client.force_login(member)
    response = client.get(reverse("posture:coverage"), {"service": "guardduty"})
    shown = text(response)
    assert "Your accounts" in shown and "payments-api" in shown and "media-api" not in shown
    assert cell(member, "guardduty").percent == Decimal("100.0")
    other = client.get(reverse("posture:coverage"), {"ou": two_teams["mine"].ou_id})
    assert other.status_code == 404


def test_a_stranger_is_told_that_nothing_is_expected(client, two_teams):
    client.force_login(factories.stranger())
    shown = text(client.get(reverse("posture:coverage")))
    assert "Nothing is expected anywhere yet" in shown
    assert "media" not in shown and "Payments" not in shown


def test_every_cell_says_its_number_or_that_there_is_none(client, two_teams):
    client.force_login(engineer())
    response = client.get(reverse("posture:coverage"))
    body = response.content.decode()
    assert "GuardDuty in Halden Group: on in 1 of 2 pairs" in body
    assert "50.0%" in body and "100.0%" in body
    assert body.count("no data") >= 3 * 9
    assert 'class="h h0 nodata"' in body


@pytest.mark.parametrize(
    "query", ["?ou=%00", "?ou=r-nowhere", "?service=x", "?page=0", "?page=99999999", "?page=a"]
)
def test_nonsense_in_the_address_is_no_error(client, two_teams, query):
    client.force_login(engineer())
    expected = 404 if "nowhere" in query else 200
    assert client.get(reverse("posture:coverage") + query).status_code == expected


def test_the_page_takes_as_many_queries_for_thirty_ous_more(
    client, two_teams, django_assert_max_num_queries
):
    client.force_login(engineer())
    address = reverse("posture:coverage") + "?service=guardduty"
    client.get(address)
    with django_assert_max_num_queries(14) as few:
        client.get(address)
    for _ in range(30):
        regions(factories.account(ou=factories.ou()), ["eu-west-1"])
    count()
    with django_assert_max_num_queries(len(few)):
        assert client.get(address).status_code == 200


@pytest.mark.parametrize(("wide", "deep", "levels"), [(3, 2, 4), (3, 20, 3), (50, 1, 2)])
def test_of_a_large_tree_the_upper_levels_are_shown_first(wide, deep, levels):
    """Root, `wide` OUs, one in each, `deep` in each of those."""
    for _ in range(wide):
        inner = factories.ou(parent=factories.ou())
        for _ in range(deep):
            factories.ou(parent=inner)
    page = coverage.heat(engineer(), "")
    assert {row.indent for row in page.rows} == set(range(levels))
    assert page.ous_total == 1 + wide * (2 + deep)


def test_counting_twice_changes_no_row_and_forgets_accounts_that_are_gone(two_teams):
    before = list(AccountCoverage.objects.order_by("pk").values())
    assert count() == 0
    assert list(AccountCoverage.objects.order_by("pk").values()) == before
    gone = Account.objects.get(name="media-api")
    gone.gone_at = NOW
    gone.save()
    assert count() == len(coverage.SERVICES)
    assert not AccountCoverage.objects.filter(account=gone).exists()
    assert RollupState.objects.get(name="coverage").as_of == NOW


def test_an_account_that_was_closed_since_the_last_count_is_not_shown(two_teams):
    Account.objects.filter(name="media-api").update(state="SUSPENDED")
    page = coverage.heat(engineer(), "")
    guardduty = next(one for one in page.rows[0].cells if one.column.slug == "guardduty")
    assert (guardduty.expected, guardduty.on) == (1, 1)


def test_the_page_says_when_it_was_counted(client, two_teams):
    client.force_login(engineer())
    assert "counted" in text(client.get(reverse("posture:coverage")))
