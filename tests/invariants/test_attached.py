"""What is attached in the sandbox is the export of the demo organisation's catalogue, and stays so."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from invariants import engine
from invariants.catalog import review
from invariants.lint import limits
from sandbox import history, org
from sandbox.org import policies
from tests.invariants import attached

ANCHOR = date(2026, 11, 1)
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def demo():
    return org.build(accounts=60, findings=0, anchor=ANCHOR)


@pytest.fixture(scope="module")
def shot(demo):
    return history.snapshot(demo, NOW)


def test_the_demo_catalogue_is_without_fault():
    assert [str(remark) for remark in review(attached.catalogue()) if remark.is_serious] == []
    assert len(attached.catalogue()) > 60


def test_its_parameters_are_those_of_the_demo_organisation(demo, shot):
    values = attached.catalogue().parameters
    assert values["organization_id"] == (demo.organization_id,)
    assert values["management_account"] == (demo.management_account_id,)
    assert values["security_account"] == (demo.security_account_id,)
    names = {account.account_id: account.name for account in shot.accounts}
    assert names[values["member_account"][0]] == "subscriptions-prod"
    assert set(values["approved_regions"]) == set(demo.regions)


@pytest.mark.parametrize("key", attached.EXPORTED)
def test_a_policy_of_the_sandbox_is_the_export_of_its_invariants(key):
    written = (attached.POLICIES / f"{key}.json").read_text(encoding="utf-8")
    assert written == attached.text_of(key), "python -m tests.invariants.attached writes it"


def test_one_policy_has_another_order_and_white_space_and_says_the_same(shot):
    saved = next(p.content for p in shot.policies if p.name == "protect-cloudtrail")
    document = attached.catalogue()["mon-cloudtrail"].policy
    assert saved != engine.minified(document)
    assert "\n" in saved
    assert list(json.loads(saved)) != list(document)
    (theirs,), (ours,) = json.loads(saved)["Statement"], document["Statement"]
    assert sorted(theirs["Action"]) == sorted(ours["Action"])
    assert theirs["Sid"] == ours["Sid"]


def test_slots_and_sizes_keep_to_the_limits_of_aws_at_any_time(demo):
    for weeks in range(0, 27, 2):
        shot = history.snapshot(demo, NOW - timedelta(weeks=weeks))
        slots = {}
        for policy in shot.policies:
            limit = limits.current_limits().of(policy.type)
            if limit.characters:
                assert len(policy.content) <= limit.characters
            for target in policy.target_ids:
                slots[target, policy.type] = slots.get((target, policy.type), 0) + 1
        for (_, kind), number in slots.items():
            assert number <= (limits.current_limits().of(kind).slots or number)


def test_a_policy_type_that_is_disabled_detaches_all_of_its_policies(demo):
    without = history.snapshot(demo, NOW - timedelta(weeks=8))
    assert policies.AI not in without.enabled_policy_types
    assert [p.target_ids for p in without.policies if p.type == policies.AI] == [()]
    again = history.snapshot(demo, NOW)
    assert [p.target_ids for p in again.policies if p.type == policies.AI] == [(demo.root_id,)]
    assert policies.INSPECTOR not in again.enabled_policy_types
    (inspector,) = (p.target_ids for p in again.policies if p.type == policies.INSPECTOR)
    assert inspector == ()
    earlier = history.snapshot(demo, NOW - timedelta(weeks=13))
    assert policies.INSPECTOR in earlier.enabled_policy_types
