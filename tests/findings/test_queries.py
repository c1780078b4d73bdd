"""Counts, lists and one finding: the same number wherever it is asked for."""

from datetime import timedelta

import pytest

from findings.queries import counts, detail, listing, quarantine
from findings.queries.filters import Filters
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def engineer(db):
    return factories.security_engineer()


@pytest.fixture
def world(db):
    """Two OUs, three accounts, findings of several severities, products and states."""
    production = factories.ou(name="Production")
    payments = factories.ou(parent=production, name="Payments")
    sandbox = factories.ou(name="Sandbox", role="SANDBOX")
    team = factories.team(slug="payments")
    accounts = {
        "payments": factories.account(ou=payments, team=team, name="payments-api"),
        "production": factories.account(ou=production, name="web"),
        "sandbox": factories.account(ou=sandbox, name="play"),
    }
    s3 = factories.control(control_id="S3.8", severity="CRITICAL", area="DATA_PROTECTION")
    iam = factories.control(control_id="IAM.4", severity="HIGH", area="IDENTITY")
    unmapped = factories.control(control_id="New.1", severity="LOW", area="")
    for account in accounts.values():
        factories.finding(account=account, control=s3)
        factories.finding(account=account, control=iam, region="us-east-1")
        factories.finding(account=account, control=iam, status="PASSED", compliance="PASSED")
        factories.finding(account=account, control=unmapped, product="guardduty")
    factories.count_findings()
    return accounts


def rows(user, filters, **changes):
    options = {"order": "worst", "cursor_text": "", "now": NOW} | changes
    return listing.findings(user, filters, **options).rows


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(severities=("CRITICAL", "HIGH")),
        Filters(statuses=("OPEN", "PASSED")),
        Filters(areas=("IDENTITY",)),
        Filters(products=("guardduty",)),
        Filters(regions=("us-east-1",)),
        Filters(control_id="S3.8"),
        Filters(q="payments"),
        Filters(q="S3.8"),
        Filters(is_overdue=True),
        Filters(severities=("CRITICAL",), is_overdue=True),
    ],
)
def test_the_total_is_the_number_of_rows_of_the_list(engineer, world, filters):
    found = counts.summary(engineer, filters, now=NOW).total
    assert found.is_exact
    assert found.findings == len(rows(engineer, filters))


def test_an_ou_stands_for_everything_below_it(engineer, world):
    filters = Filters(ou_path=world["production"].ou.path)
    assert {row.account_name for row in rows(engineer, filters)} == {"payments-api", "web"}
    assert counts.summary(engineer, filters, now=NOW).total.findings == 6


def test_each_facet_is_counted_within_all_other_filters_but_its_own(engineer, world):
    filters = Filters(severities=("CRITICAL",), ou_path=world["production"].ou.path)
    found = {facet.name: facet for facet in counts.summary(engineer, filters, now=NOW).facets}
    severities = {choice.value: choice.findings for choice in found["severity"].choices}
    assert severities == {"CRITICAL": 2, "HIGH": 2, "MEDIUM": 0, "LOW": 2, "INFORMATIONAL": 0}
    assert {c.label: c.findings for c in found["ou"].choices} == {
        "All": None,
        "Production": 2,
        "Payments": 1,
        "Sandbox": 1,
    }
    assert [c.value for c in found["severity"].choices if c.is_on] == ["CRITICAL"]


def test_a_facet_adds_up_to_the_total(engineer, world):
    found = {facet.name: facet for facet in counts.summary(engineer, Filters(), now=NOW).facets}
    total = counts.summary(engineer, Filters(), now=NOW).total.findings
    for name in ("severity", "product", "region"):
        assert sum(choice.findings for choice in found[name].choices) == total


def test_words_cannot_be_counted_by_facet_so_no_number_is_shown(engineer, world):
    for facet in counts.summary(engineer, Filters(q="bucket"), now=NOW).facets:
        assert {choice.findings for choice in facet.choices} <= {None}


def test_a_search_is_counted_so_far_and_then_said_to_be_more(engineer, world, monkeypatch):
    monkeypatch.setattr(counts, "COUNTED", 4)
    found = counts.summary(engineer, Filters(q="bucket"), now=NOW).total
    assert (found.findings, found.is_exact) == (4, False)


def test_a_team_member_counts_and_lists_their_own_accounts_only(world):
    member = factories.team_member(team=world["payments"].team)
    assert {row.account_name for row in rows(member, Filters())} == {"payments-api"}
    assert counts.summary(member, Filters(), now=NOW).total.findings == 3
    found = {facet.name: facet for facet in counts.summary(member, Filters(), now=NOW).facets}
    assert sum(choice.findings for choice in found["severity"].choices) == 3
    assert found["ou"].choices == ()


def test_a_stranger_sees_no_finding(world):
    stranger = factories.stranger()
    assert rows(stranger, Filters()) == ()
    assert counts.summary(stranger, Filters(), now=NOW).total.findings == 0


def test_the_worst_come_first_and_the_newest_among_equals(engineer, world):
    ranks = {"CRITICAL": 4, "HIGH": 3, "LOW": 1}
    found = [(ranks[row.severity], row.pk) for row in rows(engineer, Filters())]
    assert found == sorted(found, reverse=True)
    newest = [row.pk for row in rows(engineer, Filters(), order="newest")]
    assert newest == sorted(newest, reverse=True)


@pytest.mark.parametrize(
    ("due_in", "text", "kind"),
    [
        (timedelta(days=5), "5 d left", ""),
        (timedelta(days=2, hours=1), "3 d left", "warn"),
        (timedelta(hours=1), "1 d left", "warn"),
        (timedelta(hours=-1), "1 d late", "bad"),
        (timedelta(days=-2), "2 d late", "bad"),
    ],
)
def test_the_due_date_is_said_in_begun_days(due_in, text, kind):
    found = listing.due(NOW + due_in, now=NOW)
    assert (found.text, found.kind) == (text, kind)


def test_without_a_clock_there_is_no_due_date():
    assert listing.due(None, now=NOW) is None


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("arn:aws:s3:::logs", "logs"),
        ("arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc", "instance/i-0abc"),
        ("AWS::::Account:111122223333", "AWS::::Account:111122223333"),
    ],
)
def test_a_resource_is_called_by_the_last_part_of_its_arn(resource, name):
    assert listing.resource_name(resource) == name


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://docs.aws.amazon.com/x", True),
        ("http://example.test/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.test", False),
        ("https://", False),
        ("http://[", False),
    ],
)
def test_only_web_links_are_offered(url, is_safe):
    assert detail.is_web_link(url) is is_safe


def test_a_finding_carries_what_aws_says_and_what_happened_to_it(engineer, world):
    found = factories.finding(
        account=world["production"],
        control=factories.control(severity="CRITICAL"),
        payload={
            "Description": "The bucket is public.",
            "Remediation": {"Recommendation": {"Url": "javascript:alert(1)", "Text": "Close it."}},
        },
    )
    shown = detail.finding(engineer, found.pk, now=NOW)
    assert shown.description == "The bucket is public."
    assert (shown.remediation_text, shown.remediation_url) == ("Close it.", "")
    assert [event.text for event in shown.events] == [
        "Due date passed",
        "Opened",
        "First observed by AWS",
    ]
    assert shown.row.age_days == 9


def test_other_open_findings_on_the_same_resource_stand_beside_it(engineer, world):
    account = world["production"]
    same = {"account": account, "resource_id": "arn:aws:s3:::same"}
    first = factories.finding(control=factories.control(severity="LOW"), **same)
    worse = factories.finding(control=factories.control(severity="CRITICAL"), **same)
    factories.finding(control=factories.control(), status="PASSED", compliance="PASSED", **same)
    factories.finding(
        account=world["sandbox"], control=factories.control(), resource_id=same["resource_id"]
    )
    shown = detail.finding(engineer, first.pk, now=NOW)
    assert [other.pk for other in shown.others] == [worse.pk]


def test_a_finding_of_a_foreign_account_does_not_exist(world):
    member = factories.team_member(team=world["payments"].team)
    foreign = factories.finding(account=world["sandbox"], control=factories.control())
    assert detail.finding(member, foreign.pk, now=NOW) is None


def test_quarantine_is_counted_by_reason_for_those_who_see_everything(engineer):
    for _ in range(2):
        factories.quarantined()
    factories.quarantined(reason="Id is missing")
    assert [(line.reason, line.findings) for line in quarantine.quarantine(engineer)] == [
        ("UpdatedAt is missing", 2),
        ("Id is missing", 1),
    ]
    assert quarantine.quarantine(factories.team_member(team=factories.team())) == ()


def test_a_page_of_the_list_is_one_query_and_its_numbers_are_two(
    engineer, world, django_assert_num_queries
):
    rows(engineer, Filters())  # the person's permissions are read once
    with django_assert_num_queries(1):
        rows(engineer, Filters())
    with django_assert_num_queries(2):
        counts.summary(engineer, Filters(), now=NOW)
