"""Attestations: who may vouch for what, until when, and for how many accounts it holds."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from inventory.models import Account
from posture.actions import attestations as actions
from posture.models import Attestation
from posture.queries import attestations as queries
from tests import factories
from tests.factories import DAY, NOW

pytestmark = pytest.mark.django_db


def attest(user, **changes):
    values = {
        "subject": "RUNBOOK",
        "statement": "Walked through on paper and on call.",
        "owner": "Priya Raman",
        "attested_on": DAY - timedelta(days=10),
        "expires_on": DAY + timedelta(days=90),
        "now": NOW,
    }
    return actions.attest(user, factories.organization(), **(values | changes))


def may_attest(user):
    user.user_permissions.add(Permission.objects.get(codename="attest"))
    return type(user).objects.get(pk=user.pk)


@pytest.fixture
def engineer():
    return may_attest(factories.security_engineer())


def test_an_attestation_keeps_who_said_and_who_wrote_it(engineer):
    row = attest(engineer, account=factories.account(), evidence_url=" https://wiki.example/ir ")

    row.refresh_from_db()
    assert (row.owner, row.recorded_by, row.recorded_at) == (
        "Priya Raman",
        "security-engineer",
        NOW,
    )
    assert row.evidence_url == "https://wiki.example/ir"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"subject": "PIGEONS"}, "subject", "choose one of THREAT_MODEL"),
        ({"statement": "  "}, "statement", "is empty"),
        ({"statement": "x" * 2001}, "statement", "use 2000 at most"),
        ({"owner": ""}, "owner", "is empty"),
        ({"attested_on": DAY + timedelta(days=1)}, "attested_on", "is to come"),
        ({"expires_on": DAY}, "expires_on", "choose a day after today"),
        ({"expires_on": DAY + timedelta(days=357)}, "expires_on", "more than a year"),
        ({"evidence_url": "javascript:alert(1)"}, "evidence_url", "https://"),
        ({"evidence_url": "https://"}, "evidence_url", "https://"),
        ({"evidence_url": "http://[bad"}, "evidence_url", "https://"),
        ({"evidence_url": "https://a.example/" + "x" * 500}, "evidence_url", "500"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(engineer, changes, field, words):
    with pytest.raises(actions.Refused, match=words) as refused:
        attest(engineer, **changes)

    assert refused.value.field == field
    assert not Attestation.objects.exists()


def test_a_team_member_vouches_for_the_accounts_of_the_team_alone():
    team = factories.team()
    mine, other = factories.account(team=team), factories.account()
    member = may_attest(factories.team_member(team=team))

    attest(member, account=mine)
    attest(member, team=team)
    for about in ({"account": other}, {"team": factories.team()}, {}):
        with pytest.raises(PermissionDenied):
            attest(member, **about)
    with pytest.raises(actions.Refused, match="not both"):
        attest(member, account=mine, team=team)
    assert Attestation.objects.count() == 2


def test_without_the_right_nobody_attests_or_withdraws(engineer):
    row = attest(engineer)
    reader = factories.person(role="Auditor", username="reader")

    with pytest.raises(PermissionDenied):
        attest(reader)
    with pytest.raises(PermissionDenied):
        actions.withdraw(reader, row.pk, now=NOW)
    row.refresh_from_db()
    assert row.withdrawn_on is None


def test_withdrawing_holds_from_today_on_and_happens_once(engineer):
    row = attest(engineer)
    actions.withdraw(engineer, row.pk, now=NOW)

    row.refresh_from_db()
    assert (row.withdrawn_on, row.withdrawn_by) == (DAY, "security-engineer")
    assert list(Attestation.objects.valid_on(DAY - timedelta(days=1))) == [row]
    assert not Attestation.objects.valid_on(DAY).exists()
    with pytest.raises(actions.Refused, match="was withdrawn"):
        actions.withdraw(engineer, row.pk, now=NOW)


def test_what_has_expired_cannot_be_withdrawn(engineer):
    row = attest(engineer)
    with pytest.raises(actions.Refused, match="nothing left to withdraw"):
        actions.withdraw(engineer, row.pk, now=NOW + timedelta(days=90))


def test_a_member_does_not_meet_the_attestations_of_others(engineer):
    team = factories.team()
    mine = factories.account(team=team)
    own, other = attest(engineer, account=mine), attest(engineer, account=factories.account())
    member = may_attest(factories.team_member(team=team))

    assert [line.pk for line in queries.attestations(member, day=DAY).rows] == [own.pk]
    with pytest.raises(Attestation.DoesNotExist):
        actions.withdraw(member, other.pk, now=NOW)
    assert not queries.attestations(factories.stranger(), day=DAY).rows


def test_the_database_wants_to_know_who_withdrew(engineer):
    row = attest(engineer)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attestation.objects.filter(pk=row.pk).update(withdrawn_on=DAY)


@pytest.mark.parametrize(
    ("attested", "expires", "withdrawn", "state"),
    [
        (-10, 31, None, "VALID"),
        (-10, 30, None, "EXPIRING"),
        (-10, 1, None, "EXPIRING"),
        (-10, 0, None, "EXPIRED"),
        (-10, 40, 0, "WITHDRAWN"),
        (-10, 40, 1, "VALID"),
        (-10, -3, -5, "WITHDRAWN"),
    ],
)
def test_a_state_is_as_of_a_day_and_the_filter_agrees(
    engineer, attested, expires, withdrawn, state
):
    row = attest(engineer)
    Attestation.objects.filter(pk=row.pk).update(
        attested_on=DAY + timedelta(days=attested),
        expires_on=DAY + timedelta(days=expires),
        withdrawn_on=None if withdrawn is None else DAY + timedelta(days=withdrawn),
        withdrawn_by="" if withdrawn is None else "marta",
    )

    (line,) = queries.attestations(engineer, day=DAY).rows
    assert line.state == state
    assert line.can_withdraw is (state in ("VALID", "EXPIRING"))
    for wanted in queries.State:
        found = queries.attestations(engineer, day=DAY, state=wanted).rows
        assert len(found) == (wanted == state)
    assert not queries.attestations(engineer, day=DAY, state="nonsense").rows


def test_the_list_is_newest_first_and_paged(engineer, django_assert_max_num_queries):
    for number in range(queries.PAGE_SIZE + 1):
        attest(engineer, account=factories.account(), now=NOW + timedelta(minutes=number))
    engineer = type(engineer).objects.get(pk=engineer.pk)
    engineer.has_perm("posture.attest")

    with django_assert_max_num_queries(3):
        first = queries.attestations(engineer, day=DAY)
    second = queries.attestations(engineer, day=DAY, cursor_text=first.next_cursor)

    assert (len(first.rows), len(second.rows)) == (queries.PAGE_SIZE, 1)
    assert first.rows[0].recorded_at > second.rows[0].recorded_at
    assert not queries.attestations(engineer, day=DAY, subject="GUARDIAN").rows


def test_coverage_counts_accounts_once_by_account_team_and_organisation(engineer):
    team = factories.team()
    first, second = factories.account(team=team), factories.account(team=team)
    factories.account()
    factories.account(state="SUSPENDED")
    attest(engineer, account=first, expires_on=DAY + timedelta(days=20))
    attest(engineer, team=team, expires_on=DAY + timedelta(days=25))
    attest(engineer, account=second, expires_on=DAY + timedelta(days=60))
    attest(engineer, subject="IDENTITY_MFA")
    old = attest(engineer, subject="GUARDIAN", account=first)
    Attestation.objects.filter(pk=old.pk).update(
        attested_on=date(2025, 1, 1), expires_on=date(2026, 1, 1)
    )

    found = {one.subject: one for one in queries.coverage(engineer, day=DAY)}

    assert (found["RUNBOOK"].accounts, found["RUNBOOK"].attested) == (3, 2)
    assert found["RUNBOOK"].expiring == 1
    assert (found["IDENTITY_MFA"].attested, found["GUARDIAN"].attested) == (3, 0)
    assert list(found) == Attestation.Subject.values


def test_coverage_of_a_member_is_of_the_own_accounts_with_what_holds_for_all(engineer):
    team = factories.team()
    factories.account(team=team)
    attest(engineer, account=factories.account())
    attest(engineer, subject="IDENTITY_MFA")

    found = {
        one.subject: (one.accounts, one.attested)
        for one in queries.coverage(factories.team_member(team=team), day=DAY)
    }

    assert (found["RUNBOOK"], found["IDENTITY_MFA"]) == ((1, 0), (1, 1))
    assert Account.objects.count() == 2
