import json
import re
from collections import Counter
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, timedelta

import pytest

from sandbox import history, org
from sandbox.org import accounts, policies

ANCHOR = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
FIELD = "name"

ORGANIZATION_ID = re.compile(r"^o-[a-z0-9]{10,32}$")
ROOT_ID = re.compile(r"^r-[0-9a-z]{4,32}$")
OU_ID = re.compile(r"^ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}$")
ACCOUNT_ID = re.compile(r"^\d{12}$")
POLICY_ID = re.compile(r"^p-[0-9a-zA-Z_]{8,128}$")


@pytest.fixture(scope="module")
def demo():
    return history.snapshot(org.build(anchor=ANCHOR, findings=0), NOW)


def test_the_same_arguments_build_the_same_organisation():
    assert org.build(anchor=ANCHOR) == org.build(seed=7, accounts=60, anchor=ANCHOR)


def test_another_seed_builds_another_organisation():
    one, two = org.build(anchor=ANCHOR), org.build(anchor=ANCHOR, seed=8)
    assert one.organization_id != two.organization_id
    assert not {ou.ou_id for ou in one.ous} & {ou.ou_id for ou in two.ous}


def test_an_organisation_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        setattr(org.build(anchor=ANCHOR), FIELD, "Other")


@pytest.mark.parametrize("wrong", [{"accounts": 19}, {"findings": -1}])
def test_sizes_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="at least 20 accounts"):
        org.build(anchor=ANCHOR, **wrong)


def test_ids_follow_the_patterns_of_aws(demo):
    assert ORGANIZATION_ID.match(demo.org.organization_id)
    assert ROOT_ID.match(demo.org.root_id)
    assert all(OU_ID.match(ou.ou_id) for ou in demo.ous)
    assert all(ACCOUNT_ID.match(account.account_id) for account in demo.accounts)
    assert all(POLICY_ID.match(policy.policy_id) for policy in demo.policies)


def test_fourteen_ous_stand_under_the_root_three_deep_at_most(demo):
    assert len(demo.ous) == 14
    assert {ou.depth for ou in demo.ous} == {1, 2, 3}
    known = {demo.org.root_id: f"{demo.org.organization_id}/{demo.org.root_id}/"}
    for ou in demo.ous:
        assert ou.path == f"{known[ou.parent_id]}{ou.ou_id}/"
        known[ou.ou_id] = ou.path


@pytest.mark.parametrize("size", [60, 1000, 5000])
def test_about_as_many_accounts_as_asked_for_exist_on_the_anchor_day(size):
    shot = history.snapshot(org.build(anchor=ANCHOR, accounts=size, findings=0), NOW)
    assert abs(len(shot.accounts) - size) <= size * 0.02
    assert len({account.account_id for account in shot.accounts}) == len(shot.accounts)
    assert len({account.name for account in shot.accounts}) == len(shot.accounts)


def test_every_account_stands_in_an_ou_whose_path_it_carries(demo):
    paths = {ou.ou_id: ou.path for ou in demo.ous}
    outside = []
    for account in demo.accounts:
        if account.parent_id == demo.org.root_id:
            outside.append(account.account_id)
        else:
            assert account.path == f"{paths[account.parent_id]}{account.account_id}/"
    assert outside == [demo.org.management_account_id]
    assert all(
        any(account.parent_id == ou.ou_id for account in demo.accounts)
        for ou in demo.ous
        if ou.depth != 1 and ou.name != "Production"
    )


def test_some_accounts_lack_tags_and_contacts_but_not_most(demo):
    tagged = sum(
        {"owner", "environment", "criticality"} <= account.tags.keys() for account in demo.accounts
    )
    contacts = sum("SECURITY" in demo.contacts[account.account_id] for account in demo.accounts)
    assert 0.6 * len(demo.accounts) < tagged < len(demo.accounts)
    assert 0.4 * len(demo.accounts) < contacts < len(demo.accounts)


def test_policies_of_every_type_are_valid_and_within_their_limits(demo):
    numbers = Counter(policy.type for policy in demo.policies)
    assert numbers[policies.SCP] in range(22, 28)
    assert numbers[policies.RCP] == 7
    assert numbers[policies.EC2] == 5
    one = (policies.S3, policies.AI, policies.TAG, policies.BACKUP)
    assert [numbers[kind] for kind in one] == [1, 1, 1, 1]
    limits = {policies.SCP: 10_240, policies.RCP: 5_120, policies.AI: 2_500}
    for policy in demo.policies:
        assert len(policy.content) <= limits.get(policy.type, 10_000)
        assert "${" not in policy.content
    assert len({(policy.type, policy.name) for policy in demo.policies}) == len(demo.policies)


def test_every_policy_is_a_json_document_but_the_one_that_nobody_can_read(demo):
    unread = set()
    for policy in demo.policies:
        try:
            assert isinstance(json.loads(policy.content), dict)
        except ValueError:
            unread.add(policy.name)
    assert unread == {"staging-experiments"}


def test_no_target_carries_more_policies_of_a_type_than_aws_allows(demo):
    attached = Counter(
        (target, policy.type) for policy in demo.policies for target in policy.target_ids
    )
    assert max(number for (_, kind), number in attached.items() if kind == policies.SCP) <= 10
    assert max(number for (_, kind), number in attached.items() if kind == policies.RCP) <= 5


def test_the_default_policies_are_attached_everywhere_and_belong_to_aws(demo):
    everything = {
        demo.org.root_id,
        *(ou.ou_id for ou in demo.ous),
        *(account.account_id for account in demo.accounts),
    }
    managed = {policy.policy_id: policy for policy in demo.policies if policy.aws_managed}
    assert managed.keys() == {"p-FullAWSAccess", "p-RCPFullAWSAccess"}
    assert all(set(policy.target_ids) == everything for policy in managed.values())
    assert (
        managed["p-FullAWSAccess"].arn
        == "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"
    )


def test_one_policy_drifts_and_some_appear_and_disappear_by_hand():
    built = org.build(anchor=ANCHOR, findings=0)
    before = {
        policy.name: policy for policy in history.snapshot(built, NOW - timedelta(weeks=8)).policies
    }
    after = {policy.name: policy for policy in history.snapshot(built, NOW).policies}
    changed = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    texts = {name for name in changed if before[name].content != after[name].content}
    # An exception that is merged, or taken out again, is none by hand.
    merged = {one.policy for one in policies.CARVE_OUTS}
    assert texts - merged == {"require-imdsv2"}
    assert {"tmp-vendor-migration", "tmp-console-debug"} <= after.keys() - before.keys()
    assert before.keys() - after.keys() == {"protect-logs"}


def test_accounts_join_move_and_are_closed_and_forgotten():
    built = org.build(anchor=ANCHOR, findings=0)
    shots = [history.snapshot(built, NOW + timedelta(weeks=week)) for week in range(-26, 1)]
    states = {account.state for shot in shots for account in shot.accounts}
    assert {"ACTIVE", "SUSPENDED", "CLOSED"} <= states
    first, last = (
        {account.account_id: account for account in shot.accounts} for shot in (shots[0], shots[-1])
    )
    assert len(last.keys() - first.keys()) >= 10
    assert first.keys() - last.keys()
    assert any(
        first[account_id].parent_id != last[account_id].parent_id
        for account_id in first.keys() & last.keys()
    )
    assert any(
        account.joined_method == "INVITED" and account.name.startswith("northwick")
        for account in last.values()
    )


def test_the_organisation_goes_on_for_years_at_about_its_size():
    built = org.build(anchor=ANCHOR)
    sizes = [
        len(accounts.plans_at(built, int((NOW + timedelta(weeks=52 * year)).timestamp())))
        for year in range(8)
    ]
    assert all(45 <= size <= 85 for size in sizes)
