"""The pages of the findings list: every row once, in order, whichever way they are come by."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F

from findings.models import DirtyCell, Finding
from findings.queries import listing, routes
from findings.queries.filters import NONE, Filters
from posture import rollups
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(listing, "PAGE_SIZE", 4)


@pytest.fixture
def world(db):
    """Findings of every kind, many of them alike in what they are ordered by."""
    chance = random.Random(3)
    production = factories.ou(name="Production")
    places = (production, factories.ou(parent=production), factories.ou(name="Sandbox"))
    team = factories.team(slug="payments")
    accounts = [
        factories.account(ou=places[0], team=team, environment="production", name="web"),
        factories.account(ou=places[1], environment="production", name="payments-api"),
        factories.account(ou=places[2], team=team, name="play"),
        factories.account(ou=places[2], name="left", gone_at=NOW),
    ]
    controls = [
        factories.control(control_id=f"S3.{n}", severity=SEVERITIES[n], area=area)
        for n, area in enumerate(("IDENTITY", "DATA_PROTECTION", "IDENTITY", "", "MONITORING"))
    ]
    for _ in range(46):
        status = chance.choice(("OPEN", "OPEN", "OPEN", "PASSED", "UNKNOWN", "CLOSED"))
        opened = NOW - timedelta(days=chance.choice((3, 9, 40, 100)))
        due = chance.choice((None, NOW - timedelta(days=1), NOW + timedelta(days=3)))
        factories.finding(
            account=chance.choice(accounts),
            control=chance.choice(controls),
            severity=chance.choice(SEVERITIES),
            status=status,
            opened_at=opened if status == "OPEN" else None,
            due_at=due if status == "OPEN" else None,
            region=chance.choice(("eu-west-1", "us-east-1", "")),
            product=chance.choice(("securityhub", "guardduty")),
            workflow=chance.choice(("NEW", "SUPPRESSED")),
            resource_type=chance.choice(("AwsS3Bucket", "AwsIamUser")),
            is_public=chance.choice((True, False, None)),
            is_excepted=chance.choice((True, False)),
        )
    cells = Finding.objects.values_list("account_id", "control_id").distinct()
    DirtyCell.objects.bulk_create(DirtyCell(account_id=a, control_id=c) for a, c in cells)
    rollups.roll_up(now=NOW)
    return production


@pytest.fixture(params=["left to the database", "along the index", "by tokens"])
def way(request, monkeypatch):
    """The three ways to a page; they must not differ in anything but speed."""
    if request.param != "left to the database":
        monkeypatch.setattr(routes, "FEW", 0)
        is_few = request.param == "by tokens"
        planned = routes._plan

        def plan(found, window):
            return replace(planned(found, window), is_few=is_few)

        monkeypatch.setattr(routes, "_plan", plan)
    return request.param


FILTERS = [
    Filters(),
    Filters(statuses=()),
    Filters(statuses=("OPEN", "PASSED")),
    Filters(statuses=("PASSED",)),
    Filters(severities=("CRITICAL", "LOW")),
    Filters(areas=("IDENTITY",)),
    Filters(areas=(NONE,), statuses=()),
    Filters(controls=("S3.1", "S3.2"), regions=("us-east-1",)),
    Filters(products=("guardduty",), exposures=("PUBLIC", "UNKNOWN")),
    Filters(environments=("production",), workflows=("SUPPRESSED",)),
    Filters(teams=("payments",), resource_types=("AwsIamUser",)),
    Filters(teams=(NONE,), regions=(NONE,)),
    Filters(ages=("OLDER", "WEEK"), excepted=("yes",)),
    Filters(slas=("OVERDUE",), severities=("HIGH",)),
    Filters(slas=("NONE", "SOON"), statuses=()),
    Filters(q="payments"),
    Filters(q="securityhub eu", exposures=("PUBLIC",)),
    Filters(q="nobody"),
]


def pages(user, filters, order, *, start="", backwards=False):
    """The rows of every page from there on, and the cursors from which each was read."""
    seen, cursor = [], start
    for _ in range(30):
        page = listing.findings(user, filters, order=order, cursor_text=cursor, now=NOW)
        seen.append(page)
        cursor = page.previous_cursor if backwards else page.next_cursor
        if not cursor:
            return seen
    raise AssertionError("there is no end of pages")


def expected(user, filters, order):
    matching = listing.matching(user, filters, now=NOW)
    return list(listing.ordered(matching, order).values_list("pk", flat=True))


@pytest.mark.parametrize("order", listing.ORDERS)
def test_the_pages_hold_every_finding_once_and_in_order_forwards_and_backwards(world, way, order):
    user = factories.security_engineer()
    for filters in FILTERS:
        forwards = pages(user, filters, order)
        wanted = expected(user, filters, order)
        assert [row.pk for page in forwards for row in page.rows] == wanted, filters
        if len(forwards) > 1:
            back = pages(user, filters, order, start=forwards[-1].previous_cursor, backwards=True)
            assert [page.rows for page in reversed(back)] == [p.rows for p in forwards[:-1]]


@pytest.mark.parametrize("order", listing.ORDERS)
def test_a_cursor_of_another_order_is_the_first_page(world, order):
    """As in an address in which somebody changed `sort` alone."""
    user = factories.security_engineer()
    cursor = pages(user, Filters(), order)[0].next_cursor
    assert cursor
    for other in set(listing.ORDERS) - {order}:
        page = listing.findings(user, Filters(), order=other, cursor_text=cursor, now=NOW)
        assert page == pages(user, Filters(), other)[0]


def test_an_ou_stands_for_everything_below_it_however_it_is_come_by(world, way):
    user = factories.security_engineer()
    filters = Filters(ou_path=world.path, statuses=())
    found = [row.pk for page in pages(user, filters, "worst") for row in page.rows]
    assert found == expected(user, filters, "worst")
    assert {row.ou for page in pages(user, filters, "worst") for row in page.rows}


def test_people_see_the_findings_of_their_accounts_only(world, way):
    member = factories.team_member(team=factories.team(slug="payments"))
    rows = [row for page in pages(member, Filters(statuses=()), "worst") for row in page.rows]
    assert {row.account_name for row in rows} == {"web", "play"}
    assert [row.pk for row in rows] == expected(member, Filters(statuses=()), "worst")
    assert pages(factories.stranger(), Filters(), "due")[0].rows == ()


def test_a_finding_that_changed_since_the_rollup_is_shown_only_where_it_belongs_now(world, way):
    user = factories.security_engineer()
    filters = Filters(regions=("us-east-1",), exposures=("PUBLIC",))
    before = expected(user, filters, "worst")
    Finding.objects.filter(pk=before[0]).update(region="eu-west-1")
    found = [row.pk for page in pages(user, filters, "worst") for row in page.rows]
    assert found == before[1:]


def test_without_any_filter_and_any_account_that_is_gone_there_is_nothing_to_compare(way):
    account, control = factories.account(), factories.control()
    made = [factories.finding(account=account, control=control).pk for _ in range(6)]
    DirtyCell.objects.create(account=account, control=control)
    rollups.roll_up(now=NOW)
    user = factories.security_engineer()
    found = [row.pk for page in pages(user, Filters(), "worst") for row in page.rows]
    assert found == made[::-1]


def test_a_page_goes_on_where_fewer_are_left_in_a_severity_than_were_counted(world, monkeypatch):
    monkeypatch.setattr(routes, "FEW", 0)
    user = factories.security_engineer()
    filters = Filters(products=("guardduty", "securityhub"))
    first = Finding.objects.filter(status="OPEN", account__gone_at=None).order_by(
        F("severity_rank").desc()
    )
    Finding.objects.filter(pk__in=list(first.values_list("pk", flat=True)[:6])).update(
        status="PASSED", opened_at=None, due_at=None
    )
    found = [row.pk for page in pages(user, filters, "worst") for row in page.rows]
    assert found == expected(user, filters, "worst")


def test_a_row_says_what_the_columns_show(db):
    ou = factories.ou(name="Payments")
    account = factories.account(ou=ou, team=factories.team(slug="pay"), environment="production")
    made = factories.finding(
        account=account, control=factories.control(), is_public=True, sla_rule="public:HIGH"
    )
    row = listing.findings(
        factories.security_engineer(), Filters(), order="worst", cursor_text="", now=NOW
    ).rows[0]
    assert (row.finding_id, row.environment, row.team) == (made.finding_id, "production", "pay")
    assert (row.ou, row.exposure, row.sla_rule) == (ou.label, "PUBLIC", "public:HIGH")
    assert (row.opened_at, row.updated_at) == (made.opened_at, made.updated_at)
    loaded = Finding.objects.select_related("account__ou", "account__team", "control").get()
    assert listing.row(loaded, now=NOW) == row


@pytest.mark.parametrize(
    ("filters", "queries"), [(Filters(), 4), (Filters(areas=("IDENTITY",)), 5)]
)
def test_a_page_costs_the_same_queries_for_few_rows_and_for_many(
    world, django_assert_num_queries, monkeypatch, filters, queries
):
    user = factories.security_engineer()
    listing.findings(user, filters, order="worst", cursor_text="", now=NOW)  # reads permissions
    for size in (1, 30):
        monkeypatch.setattr(listing, "PAGE_SIZE", size)
        with django_assert_num_queries(queries):
            listing.findings(user, filters, order="worst", cursor_text="", now=NOW)
