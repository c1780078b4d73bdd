"""The demo's exceptions: played by the actions of a click through its weeks, each with a collection that looks.

Policies and their carve-outs are the sandbox's own at each moment. Left out are AWS's calls: the records are
handed over as the sources make them.
"""

import json
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
import yaml
from django.conf import settings
from django.core.files.storage import storages
from django.db import transaction
from django.test import override_settings

from findings import ingest as findings
from findings.normalise import asff, batch
from invariants import engine
from invariants.evaluation import coverage
from invariants.ingest.catalogue import load_catalogue
from invariants.models import (
    ExceptionEvent,
    ExceptionMismatch,
    ExceptionPolicyEdit,
    ExceptionRequest,
)
from invariants.models.exceptions import ExceptionState
from invariants.queries.exceptions import policy_edit
from invariants.tasks.reconciliation import reconcile
from inventory.models import CollectionRun, Organization
from posture.management.exceptions import Played, play
from posture.management.exceptions.story import PLAN
from sandbox import history, org
from tests.fixtures import demo_past
from tests.invariants import attached
from tests.invariants.planted import PLANTED
from tests.invariants.test_planted import decide, take_in

TODAY = date(2026, 11, 18)
NOW = datetime.combine(TODAY, time(12), tzinfo=UTC)
WEEK = timedelta(weeks=1)
WEEKS = 26
# When findings are taken in as well: before the first request, and after Northwick joined.
WITH_FINDINGS = (26, 4)
pytestmark = pytest.mark.django_db
STORY = yaml.safe_load(PLAN.read_text())
CONTROLS = {
    one["target"]["control"] for one in STORY["requests"] if "control" in one.get("target", {})
}


def live():
    """Live the weeks up to NOW; returns what could not be done."""
    built = org.build(accounts=60, anchor=TODAY)
    bare = org.build(accounts=60, findings=0, anchor=TODAY)
    missed = []
    for week in range(WEEKS, -1, -1):
        moment = NOW - week * WEEK
        # What is of the last day comes after its collection.
        missed += played(moment - WEEK, moment.replace(hour=0) if week == 0 else moment).missed
        shot = history.snapshot(built if week in WITH_FINDINGS else bare, moment)
        organization = take_in(shot)
        if week == WEEKS:
            load_catalogue(organization, folders=[attached.CATALOG], now=moment)
        decide(week)
        if week in WITH_FINDINGS:
            take_in_findings(organization, shot, moment)
        coverage.run(organization, now=moment)
        reconcile(organization, now=moment)
    missed += played(NOW, NOW + timedelta(minutes=1)).missed
    return missed


def played(since, until):
    organization = Organization.objects.first()
    if organization is None:
        return Played(0, ())
    return play(organization, since=since, until=until, install_day=TODAY)


def take_in_findings(organization, shot, moment):
    """The findings of the controls that the story is about."""
    findings.store_standards(organization, demo_past._standards(shot))
    findings.store_controls(organization, demo_past._controls(shot), as_of=moment)
    collection = CollectionRun.objects.latest("pk").collection
    run = CollectionRun.objects.create(
        collection=collection, organization=organization, source="SECURITY_HUB", state="RUNNING"
    )
    wanted = [
        one
        for one in shot.findings
        if one.get("Compliance", {}).get("SecurityControlId") in CONTROLS
    ]
    catalog = findings.load_catalog(organization)
    findings.take_in(
        [batch.page(wanted, parse=asff.parse)], run=run, catalog=catalog, beat=lambda counts: None
    )


@pytest.fixture(scope="module")
def missed(django_db_setup, django_db_blocker, tmp_path_factory):
    """The story, told once for all tests; returns what could not be done."""
    folder = {"location": str(tmp_path_factory.mktemp("evidence"))}
    backend = "django.core.files.storage.FileSystemStorage"
    kept = settings.STORAGES | {"evidence": {"BACKEND": backend, "OPTIONS": folder}}
    with django_db_blocker.unblock(), transaction.atomic():
        with demo_past.people(), override_settings(STORAGES=kept):
            yield live()
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def told(missed, db):
    """Each test is rolled back to the end of the story."""


def of(ticket):
    return ExceptionRequest.objects.get(ticket=ticket)


def test_every_step_is_taken_and_every_refusal_refused(missed):
    assert missed == []
    drafted = ExceptionRequest.objects.count()
    assert drafted == len(STORY["requests"]) == 32
    # Tried, and left no trace.
    assert not of("SEC-57").events.filter(verb="ASSESS", who_name="Priya Raman").exists()
    assert not of("DP-402").renewals.exists()


def test_it_ends_where_the_planted_list_says_and_shows_every_state():
    found = dict(ExceptionRequest.objects.values_list("ticket", "state"))
    assert found == PLANTED["exceptions"]["states"]
    assert set(found.values()) == set(ExceptionState.values)


def test_reconciliation_finds_what_is_planted_and_nothing_else():
    rows = ExceptionMismatch.objects.lasting().select_related("exception", "invariant", "account")
    found = Counter(
        (
            row.kind,
            row.exception.ticket if row.exception else "",
            row.invariant.key if row.invariant else "",
            row.account.name if row.account else "",
        )
        for row in rows
    )
    planted = Counter(
        (one["kind"], one.get("ticket", ""), one.get("invariant", ""), one.get("account", ""))
        for one in PLANTED["exceptions"]["items"]
    )
    assert found == planted
    zombies = ExceptionRequest.objects.zombies().values_list("ticket", flat=True)
    assert set(zombies) == {"SHOP-771", "SHOP-790"}


def test_the_line_is_renewed_twice_and_then_no_more():
    line = [of("DP-311"), of("DP-354"), of("DP-402")]
    assert [one.renewal for one in line] == [0, 1, 2]
    assert [one.renews_id for one in line[1:]] == [line[0].pk, line[1].pk]
    # In place without a gap: each was found under its own approval before the one before it was over.
    for before, after in pairwise(line):
        assert after.verified_at.date() <= before.until


def test_one_emergency_is_approved_afterwards_and_one_runs_out():
    approved, ran_out = of("INC-214"), of("INC-208")
    assert approved.granted_at < approved.approved_at < approved.granted_at + timedelta(hours=48)
    assert ran_out.approved_at is None
    assert ran_out.ended_at == ran_out.granted_at + timedelta(hours=72)
    assert {one.closed for one in map(_seen, (approved, ran_out))} == {True}


def _seen(request):
    verbs = list(request.events.order_by("number").values_list("verb", flat=True))
    request.closed = verbs.index("FIND") < verbs.index("EXPIRE") < verbs.index("CLOSE")
    return request


def test_people_talk_stand_in_attach_and_decide_late():
    of_people = ExceptionEvent.objects.filter(who_kind="PERSON")
    assert of_people.filter(verb="COMMENT", after__has_key="mentions").count() >= 6
    stood_in = ExceptionRequest.objects.filter(approvals__instead_of_name="Yusuf Demir")
    assert set(stood_in.values_list("ticket", flat=True)) == {"DP-361", "DP-371"}
    for ticket, name in (("PAY-1240", "rehearsal.txt"), ("NW-12", "audit-schedule.csv")):
        row = of(ticket).evidence.get()
        assert row.name == name
        with storages["evidence"].open(row.stored_as) as file:
            assert file.read()
    waiting = ExceptionRequest.objects.filter(due_at__lt=NOW)
    late = set(waiting.values_list("ticket", flat=True))
    assert {"PAY-1271", "NW-23", "NW-19", "SHOP-771", "SHOP-790"} <= late


def test_told_again_it_changes_nothing():
    before = ExceptionEvent.objects.count()
    again = played(NOW - 30 * WEEK, NOW + timedelta(minutes=1))
    assert again.missed == ()
    assert ExceptionEvent.objects.count() == before


# How many weeks before NOW each was in the policies, by which mechanism, and the statements that it was cut from.
MERGED = {
    "DP-311": (0, "TAG", {"NetEdge"}),
    "SHOP-771": (0, "PRINCIPAL_LIST", {"IamNoUsers"}),
    "INC-214": (9, "VALUE_LIST", {"KmsDeleteWho", "KmsDeleteWhen"}),
}


def test_what_the_pipeline_merged_are_the_edits_that_were_approved():
    built = org.build(accounts=60, findings=0, anchor=TODAY)
    for ticket, (weeks, mechanism, sids) in MERGED.items():
        request = of(ticket)
        kept = ExceptionPolicyEdit.objects.filter(request=request).exclude(content={})
        content = kept.earliest("pk").content
        (edit,) = content["edits"]
        assert content["mechanism"] == mechanism
        shot = history.snapshot(built, NOW - weeks * WEEK)
        (policy,) = (one for one in shot.policies if one.policy_id == edit["policy_id"])
        merged = json.loads(policy.content)["Statement"]
        token = request.ref.replace("-", "")
        assert {piece["before"]["Sid"] for piece in edit["pieces"]} == sids
        for piece in edit["pieces"]:
            named = [one["Sid"] for one in piece["after"]]
            assert named == [named[0], f"{named[0]}{token}a"]
            # The first one bears what people wrote into it later.
            assert as_read(piece["after"][1:]) <= as_read(merged)
        guard = [one for one in json.loads(edit["after"])["Statement"] if "Guard" in one["Sid"]]
        assert bool(guard) == (mechanism == "TAG")
        assert not guard or as_read(guard) <= as_read(merged)


def as_read(statements):
    policy = engine.parse({"Version": engine.VERSION, "Statement": statements})
    return set(engine.canonical(policy).statements)


# By the edit that was approved, and by value where somebody wrote it by hand; both zombies among them.
IN_PLACE = {
    "DP-402": "c",
    "PAY-1240": "b",
    "SHOP-771": "b",
    "SHOP-790": "b",
    "SHOP-812": "b",
    "PAY-1252": "e",
    "PAY-1260": "f",
}


@pytest.mark.parametrize("ticket", IN_PLACE)
def test_whatever_is_in_place_can_be_taken_out_by_an_edit(ticket):
    request = of(ticket)
    found = {one["mechanism"] for one in request.found["carve_outs"]}
    assert found == {IN_PLACE[ticket]}
    content, refused = policy_edit.current(request, now=NOW)
    assert refused is None, refused
    assert content["is_removal"]
    assert content["proof"]["holds"]
    assert content["diff"]
