"""The pages about people, service accounts and tokens."""

import re

import pytest
import time_machine

from posture.actions import people, tokens
from posture.models import ApiToken, Profile
from posture.policies import roles
from tests import factories
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

PEOPLE, SERVICE, TOKENS = "/people/", "/people/service/", "/people/tokens/"
READ = roles.READ_FINDINGS


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def user():
    return factories.person(role="Administrator", username="noor")


@pytest.fixture
def admin(client, user):
    client.force_login(user)
    return client


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def service(by, *names, username="bridge"):
    return people.create_service(
        by, username=username, purpose="Tickets; ask Dana.", role_names=names, now=NOW
    )


def test_the_list_says_who_may_what_and_sees_what(admin):
    team, ou = factories.team(slug="payments"), factories.ou(name="Workloads")
    dan = factories.person(role=("Team member", "Auditor"), username="dan", team=team, ou=ou)
    factories.local_person(username="lea")
    people.provide(dan, roles={"Executive": "board"}, teams={}, now=NOW)
    shown = text(admin.get(PEOPLE))
    assert "Executive Team member Auditor" in shown
    assert team.name in shown and "Workloads" in shown
    assert "Identity provider asked by the provider never" in shown
    assert "Here none yet never" in shown


def test_it_is_paged_by_key_and_searched(admin):
    for number in range(60):
        factories.stranger(username=f"person-{number:02}")
    first = admin.get(PEOPLE)
    assert len(first.context["page"].rows) == 50
    rest = admin.get(f"{PEOPLE}?{first.context['next_query']}")
    assert [row.username for row in rest.context["page"].rows][-1] == "person-59"
    assert len(rest.context["page"].rows) == 11
    back = admin.get(f"{PEOPLE}?{rest.context['previous_query']}")
    assert back.context["page"].rows == first.context["page"].rows
    found = admin.get(f"{PEOPLE}?q=son-1&state=ACTIVE", headers={"HX-Request": "true"})
    assert len(found.context["page"].rows) == 10
    assert "<html" not in found.content.decode()
    for query, count in (
        ("role=Administrator", 1),
        ("role=King", 50),
        ("state=SERVICE", 0),
        ("state=INACTIVE", 0),
        ("q=nobody%00", 0),
    ):
        assert len(admin.get(f"{PEOPLE}?{query}").context["page"].rows) == count
    assert "Nobody matches" in text(admin.get(f"{PEOPLE}?q=zzz"))


def test_more_people_cost_no_more_queries(admin, django_assert_max_num_queries):
    def ask():
        with django_assert_max_num_queries(40) as counted:
            admin.get(PEOPLE)
        return len(counted)

    few = ask()
    team = factories.team()
    for number in range(20):
        factories.person(role="Auditor", username=f"p{number}", team=team, ou=factories.ou())
    assert ask() == few


def test_a_page_of_nobody_is_not_found(admin):
    assert admin.get("/people/999999/").status_code == 404
    assert admin.post("/people/999999/roles/", {}).status_code == 404
    assert admin.get(f"/people/{10**18}/").status_code == 404


def test_only_what_was_changed_on_the_page_is_changed(admin, user):
    dan = factories.person(role=("Auditor", "Executive"), username="dan")
    page = admin.get(f"{PEOPLE}{dan.pk}/").content.decode()
    assert re.findall(r'name="seen" value="([^"]*)"', page) == ["Executive", "Auditor"]
    # Somebody else gives a role while the page is open.
    people.change_roles(user, dan.pk, give=["Security lead"], take=(), now=NOW)
    sent = admin.post(
        f"{PEOPLE}{dan.pk}/roles/",
        {"seen": ["Executive", "Auditor"], "roles": ["Auditor", "Team member"]},
    )
    assert sent["Location"] == f"{PEOPLE}{dan.pk}/"
    held = sorted(dan.groups.values_list("name", flat=True))
    assert held == ["Auditor", "Security lead", "Team member"]
    assert "Given: Team member. Taken: Executive." in text(admin.get(f"{PEOPLE}{dan.pk}/"))


def test_a_role_of_the_provider_is_shown_as_such_and_not_offered(admin):
    dan = factories.stranger(username="dan")
    factories.team(slug="payments")
    people.provide(dan, roles={"Auditor": "aws-audit"}, teams={"payments": "pay"}, now=NOW)
    page = admin.get(f"{PEOPLE}{dan.pk}/")
    assert "From the group aws-audit of the identity provider; changed there." in text(page)
    assert "from the group pay" in text(page) and "Take out" not in text(page)
    box = re.search(r'<input type="checkbox"[^>]*value="Auditor"[^>]*>', page.content.decode())[0]
    assert "disabled" in box and "checked" in box and "name=" not in box
    # Saving the page as it is does not touch it, nor does a request made by hand.
    admin.post(f"{PEOPLE}{dan.pk}/roles/", {"roles": []})
    admin.post(f"{PEOPLE}{dan.pk}/roles/", {"seen": ["Auditor"], "roles": []})
    assert dan.groups.filter(name="Auditor").exists()


def test_ones_own_page_says_why_nothing_can_be_changed(admin, user):
    page = admin.get(f"{PEOPLE}{user.pk}/")
    assert "This is you." in text(page)
    assert "Save the roles" not in text(page) and "Switch the account off" not in text(page)
    admin.post(f"{PEOPLE}{user.pk}/roles/", {"roles": ["Security lead"]})
    admin.post(f"{PEOPLE}{user.pk}/state/", {"state": "off"})
    assert "Nobody changes their own roles" in text(admin.get(f"{PEOPLE}{user.pk}/"))
    user.refresh_from_db()
    assert user.is_active and not user.groups.filter(name="Security lead").exists()


def test_teams_and_ous_are_given_and_taken_on_the_page(admin):
    dan, ou = factories.stranger(username="dan"), factories.ou(name="Workloads")
    factories.team(slug="payments")
    address = f"{PEOPLE}{dan.pk}/"
    admin.post(f"{address}teams/", {"join": "payments"})
    admin.post(f"{address}ous/", {"grant": ou.ou_id})
    page = admin.get(address)
    assert "owner=payments" in text(page) and f"{ou.ou_id} is granted" in text(page)
    admin.post(f"{address}teams/", {"leave": "payments"})
    admin.post(f"{address}ous/", {"withdraw": ou.ou_id})
    admin.post(f"{address}ous/", {"withdraw": ou.ou_id})
    page = text(admin.get(address))
    assert "In no team." in page and "None granted." in page and "it was so already" in page
    admin.post(f"{address}teams/", {"join": "none"})
    assert "There is no team" in text(admin.get(address))


def test_an_account_is_switched_off_and_on(admin):
    dan = factories.person(role="Auditor", username="dan")
    address = f"{PEOPLE}{dan.pk}/"
    assert "Read the audit log" in text(admin.get(address))
    admin.post(f"{address}state/", {"state": "off"})
    page = text(admin.get(address))
    assert "Switched off: 0 sessions ended, 0 tokens are revoked." in page
    assert "Nothing: the account is switched off." in page and "Read the audit log" not in page
    admin.post(f"{address}state/", {"state": "on"})
    admin.post(f"{address}state/", {})
    assert "Say whether to switch" in text(admin.get(address))
    dan.refresh_from_db()
    assert dan.is_active


def test_a_service_account_is_made_and_gets_a_token_which_is_shown_once(admin):
    assert "No service account yet" in text(admin.get(SERVICE))
    values = {"username": "bridge", "purpose": "Tickets", "roles": ["Auditor", "Executive"]}
    address = admin.post(SERVICE, values)["Location"]
    made = Profile.objects.get(kind=Profile.Kind.SERVICE).user
    assert address == f"{PEOPLE}{made.pk}/"
    assert "the account cannot be used yet" in text(admin.get(address))
    sent = admin.post(f"{address}tokens/", {"name": "prod", "days": "30", "rights": [READ]})
    assert sent.status_code == 200 and "no-store" in sent["Cache-Control"]
    shown = re.search(r"ppt_[0-9a-f]{64}", sent.content.decode())[0]
    assert tokens.use(shown, address="192.0.2.1", now=NOW) is not None
    again = admin.get(address).content.decode()
    assert shown not in again and shown[:10] in again
    assert "bridge" in text(admin.get(SERVICE)) and "Tickets" in text(admin.get(SERVICE))


def test_what_is_wrong_with_a_service_account_is_said(admin):
    for values, words in (
        ({}, "The name is empty: write one."),
        (
            {"username": "noor", "purpose": "x", "roles": ["Auditor"]},
            "There is a user noor already",
        ),
        ({"username": "b", "purpose": "x", "roles": ["King"]}, "King is no role"),
    ):
        sent = admin.post(SERVICE, values)
        assert sent.status_code == 422 and words in text(sent)
        if values.get("roles") == ["Auditor"]:
            assert re.search(r'value="Auditor" checked', sent.content.decode())
    assert not Profile.objects.filter(kind=Profile.Kind.SERVICE).exists()


def test_ones_own_token_is_made_shown_once_and_revoked(client):
    client.force_login(factories.person(role="Auditor", username="aisha"))
    page = client.get(TOKENS)
    assert "No token yet" in text(page) and "Publish the weekly review" not in text(page)
    sent = client.post(TOKENS, {"name": "laptop", "days": "30", "rights": [READ]})
    shown = re.search(r"ppt_[0-9a-f]{64}", sent.content.decode())[0]
    assert shown not in client.get(TOKENS).content.decode()
    assert "laptop" in text(client.get(TOKENS)) and "never used" in text(client.get(TOKENS))
    row = ApiToken.objects.get()
    assert client.post(f"{TOKENS}{row.pk}/revoke/")["Location"] == TOKENS
    assert (
        client.get("/api/v1/findings/", headers={"Authorization": f"Bearer {shown}"}).status_code
        == 401
    )
    assert "revoked 20 Nov 2026 by aisha" in text(client.get(TOKENS))


def test_what_is_wrong_with_a_token_is_said(client):
    client.force_login(factories.person(role="Auditor", username="aisha"))
    for values, words in (
        ({}, "say where the token is used"),
        ({"name": "x", "days": "30"}, "choose one at least"),
        ({"name": "x", "days": "30", "rights": [roles.TRIAGE]}, "cannot be given"),
        ({"name": "x", "days": "30", "rights": [roles.MANAGE_PEOPLE]}, "cannot be given"),
        ({"name": "x", "days": "9999", "rights": [READ]}, "1 to 365 days"),
        ({"name": "x", "days": "soon", "rights": [READ]}, "whole number"),
    ):
        sent = client.post(TOKENS, values)
        assert sent.status_code == 422 and words in text(sent)
    assert not ApiToken.objects.exists()


def test_others_tokens_are_for_who_manages_people(admin, user, client):
    aisha = factories.person(role="Auditor", username="aisha")
    row, _ = tokens.create(aisha, owner=aisha, name="laptop", rights=[READ], days=1, now=NOW)
    assert "laptop" not in text(admin.get(TOKENS))
    assert "laptop of aisha" in text(admin.get(f"{TOKENS}?of=all"))
    client.force_login(factories.person(role="Security lead"))
    assert "laptop" not in text(client.get(f"{TOKENS}?of=all"))
    assert client.post(f"{TOKENS}{row.pk}/revoke/").status_code == 404
    client.force_login(user)
    back = client.post(f"{TOKENS}{row.pk}/revoke/", {"back": "all"})["Location"]
    assert back == f"{TOKENS}?of=all"
    back = client.post(f"{TOKENS}{row.pk}/revoke/", {"back": str(aisha.pk)})["Location"]
    assert back == f"{PEOPLE}{aisha.pk}/"


def test_nobody_makes_a_token_of_another_person(admin):
    aisha = factories.person(role="Auditor", username="aisha")
    values = {"name": "x", "days": "1", "rights": [READ]}
    assert admin.post(f"{PEOPLE}{aisha.pk}/tokens/", values).status_code == 403
    assert admin.post("/people/999999/tokens/", values).status_code == 404
    assert not ApiToken.objects.exists()


def test_the_ways_to_these_pages_are_shown_to_those_who_may(client, admin):
    assert f'href="{PEOPLE}"' in admin.get("/").content.decode()
    client.force_login(factories.person(role="Executive"))
    content = client.get("/").content.decode()
    assert f'href="{PEOPLE}"' not in content
    assert 'href="/people/rights/"' in content and f'href="{TOKENS}"' in content
