"""What a policy of the organisation keeps from being public is reported by no finding."""

from datetime import timedelta

import pytest

from sandbox import history
from sandbox.history import held
from sandbox.moments import NEVER
from sandbox.org import accounts, policies
from tests.sandbox.conftest import NOW


@pytest.mark.parametrize("weeks", [0, 3, 30])
def test_no_control_fails_in_an_account_under_the_policy_that_holds_it(org, weeks):
    shot = history.snapshot(org, NOW + timedelta(weeks=weeks))
    targets = {plan.key: plan.name for plan in policies.PLANS}
    attached = {policy.name: set(policy.target_ids) for policy in shot.policies}
    above = {account.account_id: set(account.path.split("/")) for account in shot.accounts}
    looked_at = 0
    for finding in shot.findings:
        compliance = finding.get("Compliance", {})
        policy = held._HOLDERS.get(compliance.get("SecurityControlId", ""))
        if policy and attached[targets[policy]] & above[finding["AwsAccountId"]]:
            looked_at += 1
            assert compliance["Status"] != "FAILED"
    assert looked_at > 20


def test_an_account_is_held_from_the_day_on_which_policy_and_account_have_met(org):
    plans = {plan.key: plan for plan in accounts.founding(org)}
    moved = plans["northwick-dev"]
    (joined_ou,) = (since for since, ou in moved.moves if ou == "nonproduction")
    assert held.held_since(org, moved, "S3.1") == joined_ou
    assert held.held_since(org, moved, "EC2.182") == moved.joined_at
    assert held.held_since(org, moved, "IAM.4") == NEVER
    assert held.held_since(org, plans["northwick-web"], "S3.1") == NEVER
