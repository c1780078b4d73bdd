"""From when on an invariant counts below an OU: who may say so, and that it is on record."""

from datetime import date

import pytest
from django.core.management import CommandError, call_command

from invariants.actions import rollouts
from invariants.models import Rollout
from invariants.queries import proofs
from inventory.models import Organization
from tests import factories
from tests.factories import NOW
from tests.posture.test_invariant_kpis import invariant

LATER = date(2026, 12, 24)

pytestmark = pytest.mark.django_db


@pytest.fixture
def place():
    return factories.ou(name="Production")


@pytest.fixture
def first(place):
    return invariant("kms-delete")


@pytest.fixture
def lead():
    return factories.person(role="Security lead", username="lea")


def test_a_date_is_set_moved_and_withdrawn(first, place, lead):
    rollouts.plan(lead, first, place, from_date=LATER, why=" in steps ", now=NOW)
    rollouts.plan(lead, first, place, from_date=date(2027, 1, 7), why="frozen", now=NOW)
    (line,) = proofs.rollouts(lead, first)
    assert (line.ou_label, line.from_date, line.why) == ("Production", date(2027, 1, 7), "frozen")
    assert rollouts.withdraw(lead, first, place, why="done")
    assert not rollouts.withdraw(lead, first, place, why="done")
    assert proofs.rollouts(lead, first) == ()


def test_who_may_not_put_into_force_sets_no_date(first, place):
    for user in (
        factories.security_engineer(),
        factories.stranger(),
        factories.ou_reader(ou=place),
    ):
        with pytest.raises(rollouts.NotPlanned, match="into force"):
            rollouts.plan(user, first, place, from_date=LATER, why="why not", now=NOW)
    assert not Rollout.objects.exists()


def test_a_reason_is_demanded_and_an_ou_of_the_same_organisation(first, place, lead):
    with pytest.raises(rollouts.NotPlanned, match="why"):
        rollouts.plan(lead, first, place, from_date=LATER, why="  ", now=NOW)
    first.organization = Organization.objects.create(
        org_id="o-other00001", arn="arn", management_account_id="200000000002", root_id="r-cd34"
    )
    with pytest.raises(rollouts.NotPlanned, match="another organisation"):
        rollouts.plan(lead, first, place, from_date=LATER, why="so", now=NOW)


def test_dates_are_seen_by_who_sees_the_ou(first, place, lead):
    rollouts.plan(lead, first, place, from_date=LATER, why="in steps", now=NOW)
    assert len(proofs.rollouts(factories.ou_reader(ou=place), first)) == 1
    assert proofs.rollouts(factories.stranger(), first) == ()


def test_the_command_sets_a_date(first, place, lead, capsys):
    call_command(
        *("plan_rollout", "kms-delete", place.ou_id, "--from", "2026-12-24"),
        *("--by", "lea", "--why", "in steps"),
    )
    assert capsys.readouterr().out == "kms-delete counts below Production from 2026-12-24 on\n"
    assert Rollout.objects.get().by_name == "Lea"
    call_command("plan_rollout", "kms-delete", place.ou_id, "--by", "lea", "--why", "done")
    assert not Rollout.objects.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key": "nobody"}, "no invariant nobody"),
        ({"ou": "ou-none-00000000"}, "begins with r- or ou-"),
        ({"by": "ghost"}, "no active user ghost"),
    ],
)
def test_the_command_names_what_is_not_there(first, place, lead, changes, said):
    asked = {"key": "kms-delete", "ou": place.ou_id, "by": "lea"} | changes
    with pytest.raises(CommandError, match=said):
        call_command("plan_rollout", asked["key"], asked["ou"], "--by", asked["by"], "--why", "so")
