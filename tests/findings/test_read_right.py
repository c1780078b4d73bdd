"""Without the right to read findings nobody gets a single one, whatever page or program asks."""

import re

import pytest
from django.http import QueryDict
from django.urls import URLPattern, reverse

from findings import urls
from findings.forms import FilterForm
from findings.models import BulkAction, FileImport, Finding, SavedView
from findings.queries import (
    bulk,
    counts,
    detail,
    imports,
    listing,
    quarantine,
    saved_views,
)
from findings.queries.filters import Filters
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

EXAMPLES = {"pk": "1", "name": "area", "control_id": "S3.8"}
SECRET = "the-bucket-nobody-may-know"


@pytest.fixture
def finding():
    found = factories.finding(
        account=factories.account(account_id="200000000001"),
        control=factories.control(control_id="S3.8"),
        title=SECRET,
        resource_id=f"arn:aws:s3:::{SECRET}",
    )
    factories.count_findings()
    factories.quarantined(reason=SECRET)
    return found


@pytest.fixture
def executive():
    return factories.person(role="Executive")


def address(pattern: URLPattern) -> str:
    wanted = pattern.pattern.regex.groupindex or pattern.pattern.converters
    return reverse(f"findings:{pattern.name}", kwargs={key: EXAMPLES[key] for key in wanted})


@pytest.mark.parametrize("pattern", urls.urlpatterns, ids=lambda pattern: pattern.name)
def test_every_page_of_findings_is_refused_and_says_why(client, executive, finding, pattern):
    client.force_login(executive)
    for headers in ({}, {"HX-Request": "true", "HX-Target": "drawer"}):
        for sent in (client.get, client.post):
            response = sent(address(pattern), headers=headers)
            assert response.status_code == 403
            assert SECRET not in response.content.decode()
    page = client.get(address(pattern)).content.decode()
    assert "for people with the right “Read findings”" in page
    assert reverse("posture:rights") in page


def test_the_api_is_refused_and_says_why(client, executive, finding):
    client.force_login(executive)
    response = client.get("/api/v1/findings/")
    assert response.status_code == 403
    assert "Read findings" in response.content.decode()
    client.force_login(factories.security_engineer())
    assert [row["title"] for row in client.get("/api/v1/findings/").json()["results"]] == [SECRET]


@pytest.mark.parametrize(
    "query", ["", "q=bucket", "severity=HIGH", "account=200000000001", "ou=r-ab12"]
)
def test_the_queries_under_the_pages_return_nothing(executive, finding, query):
    filters, _ = FilterForm(QueryDict(query), user=executive).read()
    assert not Finding.objects.visible_to(executive).exists()
    assert listing.findings(executive, filters, order="worst", cursor_text="", now=NOW).rows == ()
    assert not listing.matching(executive, filters, now=NOW).exists()
    summary = counts.summary(executive, filters, now=NOW)
    assert (summary.total.findings, summary.everything.findings, summary.facets) == (0, 0, ())
    assert counts.total(executive, filters, now=NOW).findings == 0
    assert counts.facet(executive, filters, "account", now=NOW).choices == ()
    assert bulk.selection(listing.matching(executive, filters, now=NOW)).findings == 0


def test_nor_do_those_of_the_drawer_the_quarantine_and_what_people_keep(executive, finding):
    engineer = factories.security_engineer()
    SavedView.objects.create(
        owner=engineer, name="Mine", query=f"q={SECRET}", is_shared=True, created_at=NOW
    )
    SavedView.objects.create(owner=executive, name="Old", query=f"q={SECRET}", created_at=NOW)
    organization = factories.organization()
    BulkAction.objects.create(
        organization=organization, requested_by=executive, workflow="NOTIFIED", created_at=NOW
    )
    FileImport.objects.create(organization=organization, name=SECRET, size=1, created_at=NOW)
    assert detail.finding(executive, finding.pk, now=NOW) is None
    assert quarantine.quarantine(executive) == () and quarantine.total(executive) == 0
    assert quarantine.items(executive).rows == ()
    assert saved_views.views(executive) == ()
    assert bulk.recent(executive) == ()
    assert imports.imports(executive, now=NOW) == ()
    # And who may read them has them all.
    assert detail.finding(engineer, finding.pk, now=NOW) is not None
    assert quarantine.total(engineer) == 1
    assert [view.name for view in saved_views.views(engineer)] == ["Mine"]


def test_a_team_member_reads_those_of_the_team_alone(finding):
    team = factories.team(slug="payments")
    own = factories.finding(account=factories.account(team=team), control=finding.control)
    member = factories.team_member(team=team)
    filters = Filters()
    assert list(listing.matching(member, filters, now=NOW)) == [own]
    outside = factories.person(role=(), username="outside", team=team)
    assert not listing.matching(outside, filters, now=NOW).exists()


PAGES = (
    "posture:overview",
    "posture:scorecards",
    "posture:accounts",
    "posture:kpis",
    "posture:sync",
    "posture:teams",
)


def test_no_page_leads_people_to_findings_that_they_may_not_read(client, executive, finding):
    account, root = finding.account, factories.root()
    factories.ou_day(ou=root)
    factories.ou_day(ou=root, area="IDENTITY")
    factories.account_day(account=account)
    factories.cell(account=account, control=finding.control)
    factories.ou_control(ou=root, control=finding.control)
    pages = [
        *(reverse(name) for name in PAGES),
        reverse("posture:scorecard", args=[root.ou_id]),
        reverse("posture:account", args=[account.account_id]),
        *(reverse("posture:kpi", args=[kpi]) for kpi in ("K1", "K9", "K14", "K26")),
    ]
    led = {}
    for user in (factories.security_engineer(), executive):
        client.force_login(user)
        contents = [client.get(page).content.decode() for page in pages]
        led[user.username] = [len(re.findall(r'href="/findings/', text)) for text in contents]
        assert all(SECRET not in text for text in contents) or user is not executive
    assert sum(led["executive-person"]) == 0
    # The same pages do lead there for those who may.
    assert sum(led["security-engineer"]) > 20


def test_what_was_a_link_stays_as_text(client, executive, finding):
    factories.ou_day(ou=factories.root())
    factories.ou_control(ou=factories.root(), control=finding.control)
    client.force_login(executive)
    content = client.get(reverse("posture:scorecard", args=["r-ab12"])).content.decode()
    assert f'<span class="t">{finding.control.title}</span>' in content


def test_what_is_held_in_quarantine_is_counted_for_those_who_may_not_read_it(client, finding):
    client.force_login(factories.person(role="Administrator"))
    content = client.get(reverse("posture:sync")).content.decode()
    assert "Quarantined findings" in content and "What they are is for people" in content
    assert SECRET not in content
    client.force_login(factories.person(role="Team member"))
    assert "Quarantined findings" not in client.get(reverse("posture:sync")).content.decode()
