"""The page of attestations: what it lists, who may attest, and what is said of bad input."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.urls import reverse

from posture.models import Attestation
from tests import factories
from tests.factories import DAY, NOW
from tests.fixtures.kpis import attestation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

ADDRESS = "/kpis/attestations/"
HTMX = {"HX-Request": "true", "HX-Target": "attest"}


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def team():
    return factories.team(slug="payments")


@pytest.fixture
def account(team):
    return factories.account(team=team, name="payments-api")


def may_attest(user):
    user.user_permissions.add(Permission.objects.get(codename="attest"))
    return user


@pytest.fixture
def engineer(client):
    client.force_login(may_attest(factories.security_engineer()))
    return client


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def values(**changes):
    return {
        "subject": "IR_EXERCISE",
        "team": "",
        "account_id": "",
        "statement": "Table-top of a leaked key, two hours.",
        "evidence_url": "https://tickets.example/IR-7",
        "owner": "Dana Fields, head of response",
        "attested_on": "2026-11-01",
        "expires_on": "2027-10-31",
    } | changes


def test_what_is_attested_stands_with_owner_days_and_evidence(engineer, account):
    sent = engineer.post(ADDRESS, values(account_id=account.account_id))
    assert sent.status_code == 302
    shown = engineer.get(ADDRESS)
    assert "payments-api" in text(shown) and "Dana Fields, head of response" in text(shown)
    assert "expires on 31 Oct 2027, in 345 days" in text(shown)
    assert 'href="https://tickets.example/IR-7"' in shown.content.decode()
    assert "recorded by security-engineer" in text(shown)
    assert "Attested; it counts from the next daily run on" in text(shown)


def test_by_htmx_the_browser_is_sent_to_the_new_list(engineer, account):
    sent = engineer.post(ADDRESS, values(account_id=account.account_id), headers=HTMX)
    assert sent["HX-Redirect"] == ADDRESS
    assert Attestation.objects.get().account == account


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"subject": ""}, "Choose what is attested."),
        ({"statement": "  "}, "The statement is empty"),
        ({"owner": ""}, "Nobody vouches: write a name."),
        ({"account_id": "12345"}, "You see no account 12345: write the 12 digits"),
        ({"account_id": "1234567890123"}, "You see no account 1234567890123"),
        ({"team": "no-such-team"}, "You are in no such team"),
        ({"attested_on": "soon"}, "Done on should be a day such as 2026-11-20."),
        ({"attested_on": "2026-11-21"}, "2026-11-21 is to come"),
        ({"expires_on": "2026-11-20"}, "2026-11-20 is over: choose a day after today."),
        ({"expires_on": "2028-01-01"}, "more than a year after"),
        ({"evidence_url": "javascript:alert(1)"}, "an address that begins with https://"),
        ({"statement": "x" * 2001}, "use 2000 at most"),
    ],
)
def test_bad_input_comes_back_named_with_its_remedy_and_what_was_typed(
    engineer, account, changes, words
):
    sent = engineer.post(ADDRESS, values(**changes), headers=HTMX)
    assert sent.status_code == 422
    assert words in text(sent)
    content = sent.content.decode()
    assert "<html" not in content and 'id="attest"' in content
    assert 'aria-invalid="true"' in content and " autofocus" in content
    if "owner" not in changes:
        assert "Dana Fields" in content
    assert not Attestation.objects.exists()


def test_an_input_that_is_wrong_is_described_by_its_error(engineer):
    content = engineer.post(ADDRESS, values(owner=""), headers=HTMX).content.decode()
    field = re.search(r'<input[^>]*name="owner"[^>]*>', content)[0]
    described = re.search(r'aria-describedby="([^"]+)"', field)[1].split()
    assert "id_owner_error" in described
    for name in described:
        assert f'id="{name}"' in content


def test_a_team_and_an_account_together_are_refused(engineer, team, account):
    sent = engineer.post(ADDRESS, values(team=team.slug, account_id=account.account_id))
    assert sent.status_code == 422
    assert "Name a team or an account, not both" in text(sent)


def test_with_neither_it_holds_for_the_whole_organisation(engineer, account):
    engineer.post(ADDRESS, values())
    assert "The whole organisation" in text(engineer.get(ADDRESS))


def test_who_does_not_see_the_whole_organisation_cannot_vouch_for_it(client, team, account):
    client.force_login(may_attest(factories.team_member(team=team)))
    sent = client.post(ADDRESS, values(), headers=HTMX)
    assert sent.status_code == 422
    assert "only people who see the whole organisation can vouch for it" in text(sent)
    assert client.post(ADDRESS, values(team="payments")).status_code == 302
    foreign = factories.account(name="foreign")
    refused = client.post(ADDRESS, values(account_id=foreign.account_id), headers=HTMX)
    assert "You see no account" in text(refused)


def test_without_the_permission_it_is_read_only(client, team, account):
    row = attestation("RUNBOOK", account=account)
    client.force_login(factories.person(role=(), username="reader", team=team))
    shown = client.get(ADDRESS)
    assert "You may read, not attest." in text(shown)
    assert "payments-api" in text(shown) and "withdraw/" not in shown.content.decode()
    assert client.post(ADDRESS, values(account_id=account.account_id)).status_code == 403
    withdraw = reverse("posture:attestation_withdraw", args=[row.pk])
    assert client.post(withdraw).status_code == 403


def test_one_that_is_withdrawn_stays_and_says_by_whom(engineer, account):
    row = attestation("RUNBOOK", account=account)
    withdraw = reverse("posture:attestation_withdraw", args=[row.pk])
    engineer.post(withdraw)
    shown = text(engineer.get(ADDRESS))
    assert "withdrawn on 20 Nov 2026 by security-engineer" in shown
    engineer.post(withdraw)
    assert "was withdrawn on 2026-11-20" in text(engineer.get(ADDRESS))


def test_what_a_person_may_not_see_they_cannot_withdraw(client, team):
    row = attestation("RUNBOOK", account=factories.account())
    client.force_login(may_attest(factories.team_member(team=team)))
    withdraw = reverse("posture:attestation_withdraw", args=[row.pk])
    assert client.post(withdraw).status_code == 404


@pytest.mark.parametrize(
    ("state", "shown", "hidden"),
    [
        ("VALID", "valid one", "expired one"),
        ("EXPIRING", "expiring one", "valid one"),
        ("EXPIRED", "expired one", "expiring one"),
    ],
)
def test_the_list_is_narrowed_by_state(engineer, account, state, shown, hidden):
    for name, days in (("valid", 300), ("expiring", 20), ("expired", -1)):
        attestation(
            "RUNBOOK",
            account=account,
            statement=f"{name} one",
            expires_on=DAY + timedelta(days=days),
        )
    told = text(engineer.get(f"{ADDRESS}?state={state}"))
    assert shown in told and hidden not in told
    fragment = engineer.get(f"{ADDRESS}?state={state}", headers={"HX-Request": "true"})
    assert shown in text(fragment) and "<h1>" not in fragment.content.decode()
    assert "No attestation matches" in text(engineer.get(f"{ADDRESS}?state=WITHDRAWN"))


def test_each_subject_says_of_how_many_accounts_and_where_it_counts(engineer, account):
    factories.account()
    attestation("GUARDIAN", account=account, expires_on=DAY + timedelta(days=10))
    shown = engineer.get(ADDRESS)
    row = re.search(r"Security Guardian trained.*?</tr>", shown.content.decode(), re.DOTALL)[0]
    cells = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row))
    assert "1 of 2" in cells and "K5" in cells
    assert 'width="50.0%"' in row


def test_what_people_write_is_escaped(engineer, account):
    attestation("RUNBOOK", account=account, statement="<script>alert(1)</script>")
    assert "<script>alert" not in engineer.get(ADDRESS).content.decode()
