"""Saved views and columns: a person's own, shared ones, and names that mean harm."""

import pytest
import time_machine

from findings.models import ColumnChoice, SavedView
from tests import factories
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

LIST = "/findings/"
VIEWS = "/findings/views/"


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def engineer(client):
    client.force_login(factories.security_engineer())
    return client


def save(client, name, query="severity=CRITICAL", **more):
    return client.post(VIEWS, {"name": name, "query": query, **more}, follow=True)


def test_a_view_keeps_the_filters_under_a_name(engineer):
    response = save(
        engineer, "  My   criticals ", "severity=CRITICAL&q=bucket&cursor=abc&next=evil"
    )
    assert response.redirect_chain == [(f"{LIST}?severity=CRITICAL&q=bucket", 302)]
    view = SavedView.objects.get()
    assert (view.name, view.query) == ("My criticals", "severity=CRITICAL&q=bucket")
    content = response.content.decode()
    assert "Saved as “My criticals”" in content
    assert f'href="{LIST}?severity=CRITICAL&amp;q=bucket"' in content


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\0b"])
def test_a_view_needs_a_name(engineer, name):
    assert 'class="toast bad"' in save(engineer, name).content.decode()
    assert not SavedView.objects.exists()


def test_a_name_is_taken_once_for_each_person(engineer, client):
    save(engineer, "Mine")
    assert "You have a view called “Mine” already" in save(engineer, "Mine").content.decode()
    client.force_login(factories.person(role="Team member"))
    save(client, "Mine")
    assert SavedView.objects.count() == 2


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "\"'><img src=x>", "{{ 1 }} {% x %}"]
)
def test_a_name_cannot_add_markup(engineer, name):
    save(engineer, name, is_shared="1")
    for page in (LIST, VIEWS):
        content = engineer.get(page).content.decode()
        assert name not in content or name.startswith("{{")
        assert "<script>alert" not in content and "<img" not in content


def test_a_shared_view_is_seen_by_all_and_changed_by_its_owner_only(engineer, client):
    save(engineer, "For all", is_shared="1")
    save(engineer, "For me")
    shared = SavedView.objects.get(name="For all")
    client.force_login(factories.person(role="Team member"))
    content = client.get(VIEWS).content.decode()
    assert "For all" in content and "For me" not in content
    assert f"{VIEWS}{shared.pk}/" not in content
    for data in ({"name": "Taken over"}, {"delete": "1"}):
        assert client.post(f"{VIEWS}{shared.pk}/", data).status_code == 404
    shared.refresh_from_db()
    assert shared.name == "For all"


def test_a_view_is_renamed_shared_and_deleted(engineer):
    save(engineer, "One")
    save(engineer, "Two")
    view = SavedView.objects.get(name="One")
    engineer.post(f"{VIEWS}{view.pk}/", {"name": "Three", "is_shared": "1"})
    view.refresh_from_db()
    assert (view.name, view.is_shared) == ("Three", True)
    taken = engineer.post(f"{VIEWS}{view.pk}/", {"name": "Two"}, follow=True).content.decode()
    assert "You have a view called “Two” already" in taken
    engineer.post(f"{VIEWS}{view.pk}/", {"delete": "1"})
    assert [left.name for left in SavedView.objects.all()] == ["Two"]


def test_a_shared_view_opens_within_the_reader_s_own_scope(engineer, client):
    team = factories.team(slug="payments")
    control = factories.control(severity="CRITICAL", title="Mine to see")
    factories.finding(account=factories.account(team=team), control=control)
    foreign = factories.control(severity="CRITICAL", title="Not mine to see")
    factories.finding(account=factories.account(), control=foreign)
    factories.count_findings()
    save(engineer, "Criticals", is_shared="1")
    client.force_login(factories.team_member(team=team))
    content = client.get(f"{LIST}?{SavedView.objects.get().query}").content.decode()
    assert "Mine to see" in content and "Not mine to see" not in content


def test_the_columns_are_remembered_for_each_person(engineer, client):
    factories.finding(account=factories.account(), control=factories.control())
    columns = {"column": ["workflow", "region", "nonsense"], "query": "severity=HIGH&x=1"}
    response = engineer.post("/findings/columns/", columns, follow=True)
    assert response.redirect_chain == [(f"{LIST}?severity=HIGH", 302)]
    assert ColumnChoice.objects.get().columns == ["region", "workflow"]
    content = response.content.decode()
    assert ">Workflow</th>" in content and ">Age</th>" not in content
    client.force_login(factories.person(role="Team member"))
    client.post("/findings/columns/", {"column": ["age"]})
    assert ColumnChoice.objects.count() == 2


def test_columns_come_back_as_a_part_of_the_page(engineer):
    factories.finding(account=factories.account(), control=factories.control())
    response = engineer.post(
        "/findings/columns/", {"column": ["team"]}, headers={"HX-Request": "true"}, follow=True
    )
    content = response.content.decode()
    assert "<html" not in content and ">Team</th>" in content


@pytest.mark.parametrize(
    ("query", "is_shown"),
    [
        ("severity=CRITICAL&sort=due", True),
        ("account={mine}&status=PASSED", True),
        ("team=payments", True),
        ("account={mine}&account={theirs}", False),
        ("team=ledger", False),
        ("ou={ou}", False),
        ("control=S3.8", False),
        ("q=bucket", False),
    ],
)
def test_a_shared_view_that_names_what_somebody_does_not_see_is_not_shown_to_them(
    engineer, client, query, is_shown
):
    mine, theirs = factories.team(slug="payments"), factories.team(slug="ledger")
    ours = factories.account(team=mine)
    other = factories.account(team=theirs, ou=factories.ou())
    names = {"mine": ours.account_id, "theirs": other.account_id, "ou": other.ou.ou_id}
    save(engineer, "Look at these", query.format(**names), is_shared="1")
    client.force_login(factories.team_member(team=mine))
    assert ("Look at these" in client.get(LIST).content.decode()) == is_shown
    client.force_login(factories.person(role="Auditor"))
    assert "Look at these" in client.get(LIST).content.decode()
