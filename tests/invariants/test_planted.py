"""Everything that is planted in the sandbox organisation is found, and nothing else.

Once through the worker, with AWS's answers over HTTP; and the demo's last weeks one after another in
this process, where what lasts, what ends and who did it is looked at as well.
"""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from invariants.evaluation import coverage, drift
from invariants.ingest import changers
from invariants.ingest.catalogue import load_catalogue
from invariants.models import Coverage, Drift, Invariant
from invariants.sources import organization_changes
from inventory import ingest
from inventory.aws import Door
from inventory.models import Collection, CollectionRun
from inventory.sources.organizations import AttachmentRecord, PolicyRecord
from sandbox import history, org, server
from sandbox.faults import Rule
from sandbox.moments import seconds_of, seconds_of_day
from tests.fixtures import aws_door
from tests.fixtures.demo_past import _inventory
from tests.fixtures.pipeline import KEYS, ROOT, collect
from tests.invariants import attached
from tests.invariants.planted import STATES, Expected

ANCHOR = date(2026, 11, 1)
# A day after the day of the week on which something happens: it has happened by then.
LAST = datetime(2026, 11, 2, 12, tzinfo=UTC)
# The oldest as far back as CloudTrail keeps events.
WEEKS = (12.9, 11, 9, 8, 7, 5, 4, 2, 0)
KINDS = {"r-": "ROOT", "ou-": "OU"}


def found_coverage():
    rows = Coverage.objects.values_list("invariant__key", "account__account_id", "state")
    return {(key, account): state for key, account, state in rows}


def wrong_words(expected):
    """Pairs that are in the right state for another reason than the planted one."""
    rows = Coverage.objects.values_list("invariant__key", "account__account_id", "proof__reason")
    reasons = {(key, account): reason for key, account, reason in rows}
    return [
        (pair, reasons[pair])
        for pair, words in expected.words().items()
        if words not in reasons[pair]
    ]


def found_drift():
    """Of what is gone the last name may be known; the list is about what is there."""
    rows = Drift.objects.lasting().values_list(
        "kind", "invariant__key", "policy__name", "target_id"
    )
    return {
        (
            kind,
            key or "",
            "" if kind == "MISSING_IN_AWS" else name or "",
            "" if kind in ("CONTENT", "MISSING_IN_AWS") else target,
        )
        for kind, key, name, target in rows
    }


def differences(found, wanted):
    """What is wanted and what is there instead, so that a failure says which."""
    return {
        key: (wanted.get(key), found.get(key))
        for key in found.keys() | wanted.keys()
        if wanted.get(key) != found.get(key)
    }


def decide(weeks):
    """The life cycle as it stood so many weeks before the install day."""
    keys = defaultdict(set)
    for key, said in STATES.items():
        keys[said["state"] if said["since_weeks"] <= -weeks else "DRAFT"].add(key)
    for state, wanted in keys.items():
        assert Invariant.objects.filter(key__in=wanted).update(state=state) == len(wanted), wanted


@pytest.mark.usefixtures("worker")
@pytest.mark.xdist_group("worker")
def test_a_collection_finds_what_is_planted_and_nothing_else(sandbox):
    assert collect().state == "COMPLETE"
    decide(0)
    assert collect().state == "COMPLETE"
    expected = Expected(sandbox.world.moment().snapshot)
    assert differences(found_coverage(), expected.coverage()) == {}
    assert wrong_words(expected) == []
    assert found_drift() == expected.drift()

    # One policy of the root cannot be read from now on: what it denied is unknown, the rest is known.
    (hidden,) = (p for p in expected.shot.policies if p.name == "deny-leave-organization")
    sandbox.faults.add(Rule("deny", operation="DescribePolicy", body=hidden.policy_id))
    assert collect().state == "PARTIAL"
    changed = differences(found_coverage(), expected.coverage())
    assert {found for _, found in changed.values()} == {"UNKNOWN"}
    assert "acct-leave-org" in {key for key, _ in changed}
    held_by_no_policy_text = {"s3-bpa", "snap-public", "ai-optout"}
    assert not held_by_no_policy_text & {key for key, _ in changed}
    assert found_drift() == expected.drift()


@pytest.mark.django_db
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_the_weeks_of_the_demo_find_what_is_planted_when_it_is_there_and_who_did_it(monkeypatch):
    built = org.build(accounts=60, findings=0, anchor=ANCHOR)
    first = seconds_of(LAST - timedelta(weeks=WEEKS[0])) - seconds_of_day(ANCHOR)
    wrong = []
    for weeks in WEEKS:
        now = LAST - timedelta(weeks=weeks)
        shot = history.snapshot(built, now)
        organization = take_in(shot)
        load_catalogue(organization, folders=[attached.CATALOG], now=now)
        decide(weeks)
        coverage.run(organization, now=now)
        drift.evaluate(organization, now=now)
        expected = Expected(shot, first)
        states = differences(found_coverage(), expected.coverage())
        wrong += [(weeks, *pair, *states[pair]) for pair in sorted(states)]
        wrong += [(weeks, *one) for one in wrong_words(expected)]
        wrong += [(weeks, *one) for one in sorted(found_drift() ^ expected.drift())]
    assert not wrong, "\n".join(map(str, wrong))
    name_who_did_it(built, organization, monkeypatch)
    rows = Drift.objects.exclude(changed_by="").select_related("invariant", "policy")
    found = {
        (row.kind, row.invariant.key if row.invariant else row.policy.name): row.changed_by
        for row in rows
    }
    for key, name in Expected(shot, first).changed_by().items():
        if key != ("CONTENT", "net-edge"):
            # That one is older than CloudTrail's event history.
            assert name.lower().replace(" ", ".") in found.get(key, ""), key


def take_in(shot):
    """The organisation as a whole reading of it leaves it."""
    now, inventory = shot.now, _inventory(shot)
    policies = [
        PolicyRecord(p.policy_id, p.arn, p.name, p.description, p.type, p.aws_managed, p.content)
        for p in shot.policies
        if p.type in shot.enabled_policy_types
    ]
    attachments = [
        AttachmentRecord(p.policy_id, target, kind_of(target))
        for p in shot.policies
        for target in p.target_ids
    ]
    inventory = replace(inventory, policies=policies, attachments=attachments)
    organization = ingest.store_inventory(inventory, name=shot.org.name, as_of=now)
    collection = Collection.objects.create(as_of=now, is_full=True, state="COMPLETE")
    CollectionRun.objects.create(
        collection=collection,
        organization=organization,
        source="ORGANIZATIONS",
        state="COMPLETE",
        is_full=True,
    )
    return organization


def name_who_did_it(built, organization, monkeypatch):
    """Ask the management account's event history, by the role that is published for it."""
    policy = ROOT / "docs" / "iam-policy.json"
    with server.start(built, policy=policy, now=LAST, settings=KEYS) as running:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_access_key)
        management = f"arn:aws:iam::{built.management_account_id}:role/ParapetManagementRead"
        config = aws_door.config(
            endpoint_url=running.url,
            hub_role_arn=running.hub_role_arn,
            management_role_arn=management,
            external_id=KEYS.external_id,
        )
        door = Door(config)

        def ask(name, since, until):
            client = door.management_client("cloudtrail", region=organization_changes.REGION)
            return organization_changes.read_changes(client, name=name, since=since, until=until)

        rows = changers.waiting(organization)
        assert changers.name_changers(organization, rows, ask=ask, now=LAST) > 0
        door.close()


def kind_of(target):
    return next((kind for start, kind in KINDS.items() if target.startswith(start)), "ACCOUNT")
