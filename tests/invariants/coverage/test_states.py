"""Each state of an invariant in an account, from what is attached alone."""

from dataclasses import replace

import pytest

from invariants.catalog import RCP, SCP
from invariants.evaluation.coverage import evaluate
from tests.invariants.coverage import made
from tests.invariants.coverage.made import (
    DEV,
    MANAGEMENT,
    NURSERY,
    PARKED,
    PROD,
    ROOT,
    SECURITY,
    SPECIAL,
    attached,
    decide,
    document,
    organization,
    statement,
    states,
    text_of,
)

EVERYWHERE = "kms-delete"


def test_the_shipped_policies_at_their_own_targets_enforce_everything():
    world = organization()
    for key in made.shipped().entries:
        record = made.shipped()[key]
        if record.type != "PERMISSIONS_BOUNDARY":
            roles = {str(role) for role in record.targets.ou_roles}
            ous = [ou for ou, (_, role, _) in made.OUS.items() if role in roles]
            world = attached(world, key, *([ROOT] if record.targets.root else ous))
    evaluation = evaluate(world, made.shipped(), now=made.NOW)
    found = {
        (key, group.accounts[0]): decision.state
        for group in evaluation.groups
        for key, decision in group.decisions.items()
        if decision.state not in ("ENFORCED", "NOT_APPLICABLE", "NOT_ENFORCEABLE")
    }
    assert found == {
        ("payer-workloads", MANAGEMENT): "UNKNOWN",
        ("ec2-imdsv2", SPECIAL): "EXCEPTED",
        ("iam-ec2-creds", SPECIAL): "EXCEPTED",
    }


def test_where_nothing_is_attached_it_is_missing_and_the_management_account_is_out_of_reach():
    assert states(organization(), EVERYWHERE) == {
        MANAGEMENT: "NOT_ENFORCEABLE",
        PROD: "MISSING",
        DEV: "MISSING",
        SECURITY: "MISSING",
        SPECIAL: "MISSING",
        PARKED: "NOT_APPLICABLE",
        NURSERY: "MISSING",
    }


def test_it_holds_below_the_ou_to_which_the_policy_is_attached():
    world = attached(organization(), EVERYWHERE, "ou-prod")
    found = decide(world, EVERYWHERE, PROD)
    assert (found.state, found.policy_id, found.level) == ("ENFORCED", "p-kms-delete", "ou-prod")
    assert decide(world, EVERYWHERE, DEV).state == "MISSING"


def test_a_policy_on_the_account_itself_has_the_level_account():
    world = attached(organization(), EVERYWHERE, PROD)
    found = decide(world, EVERYWHERE, PROD)
    assert (found.state, found.level) == ("ENFORCED", "ACCOUNT")
    assert {probe["level"] for probe in found.evidence["probes"] if "level" in probe} == {"ACCOUNT"}


def test_a_renamed_policy_and_one_that_serves_several_invariants_count():
    several = ("kms-delete", "acct-leave-org", "mon-cloudtrail")
    merged = document(*(s for key in several for s in text_of(key)["Statement"]))
    world = made.with_policy(organization(), "p-0815", SCP, merged, ROOT)
    evaluation = evaluate(world, made.only(*several), now=made.NOW)
    for key in several:
        assert evaluation.of(key, PROD).state == "ENFORCED"
        assert evaluation.of(key, PROD).policy_id == "p-0815"
        assert evaluation.of(key, PROD).evidence["serves"]


def test_a_policy_of_the_right_name_that_denies_nothing_of_it_does_not_count():
    other = document(statement("s3:DeleteBucket"))
    world = attached(organization(), EVERYWHERE, ROOT, document=other)
    assert decide(world, EVERYWHERE, PROD).state == "MISSING"


def test_half_of_what_must_be_denied_is_broken_where_the_policy_is_meant_for_it():
    record = made.shipped()["mon-guardduty"]
    assert len(record.must_deny) > 1
    text = text_of("mon-guardduty")
    text["Statement"][0]["Action"] = [record.must_deny[0].action]
    world = attached(organization(), "mon-guardduty", ROOT, document=text)
    found = decide(world, "mon-guardduty", PROD)
    assert found.state == "BROKEN"
    assert record.must_deny[1].name in found.reason
    assert found.policy_id == "p-mon-guardduty"


def test_a_literal_star_protects_nothing_and_is_broken():
    text = text_of("backup-vault")
    for one in text["Statement"]:
        one["Condition"] = {"StringEquals": {"aws:RequestedRegion": "*"}}
    world = attached(organization(), "backup-vault", ROOT, document=text)
    found = decide(world, "backup-vault", PROD)
    assert found.state == "BROKEN"
    assert found.reason.startswith("A policy that is meant for it is attached")


def test_a_carve_out_that_was_lost_is_broken():
    text = text_of(EVERYWHERE)
    for one in text["Statement"]:
        one.get("Condition", {}).pop("ArnNotLike", None)
    world = attached(organization(), EVERYWHERE, ROOT, document=text)
    found = decide(world, EVERYWHERE, PROD)
    assert found.state == "BROKEN"
    assert "what must stay possible" in found.reason


def test_another_invariants_policy_that_denies_the_promise_breaks_nothing():
    world = attached(organization(), EVERYWHERE, ROOT)
    world = attached(world, "acct-nursery", "ou-nurs")
    found = decide(world, EVERYWHERE, NURSERY, catalogue=made.only(EVERYWHERE, "acct-nursery"))
    assert found.state == "ENFORCED"


def test_a_policy_of_nobody_that_denies_the_promise_where_it_was_made_breaks_it():
    world = attached(organization(), EVERYWHERE, ROOT)
    promise = made.shipped()[EVERYWHERE].must_allow[0]
    text = document(statement(promise.action))
    world = made.with_policy(world, "p-by-hand", SCP, text, "ou-prod")
    found = decide(world, EVERYWHERE, PROD)
    assert (found.state, found.policy_id, found.level) == ("BROKEN", "p-by-hand", "ou-prod")


def test_an_unreadable_policy_makes_unknown_what_it_could_decide():
    world = attached(organization(), EVERYWHERE, "ou-prod")
    world = made.with_policy(world, "p-secret", SCP, None, ROOT)
    assert decide(world, EVERYWHERE, DEV).state == "UNKNOWN"
    found = decide(world, EVERYWHERE, PROD)
    assert (found.state, found.policy_id, found.level) == ("UNKNOWN", "p-secret", ROOT)
    assert "organizations:DescribePolicy" in found.reason


def test_a_text_that_is_no_policy_is_unreadable():
    world = made.with_policy(organization(), "p-secret", SCP, "{not json", ROOT)
    assert decide(world, EVERYWHERE, DEV).state == "UNKNOWN"


def test_missing_keys_are_named():
    text = text_of(EVERYWHERE)
    for one in text["Statement"]:
        one.setdefault("Condition", {})["IpAddress"] = {"aws:SourceIp": "198.51.100.0/24"}
    world = attached(organization(), EVERYWHERE, ROOT, document=text)
    found = decide(world, EVERYWHERE, PROD)
    assert found.state == "UNKNOWN"
    assert found.evidence["missing"] == ["aws:SourceIp"]
    assert "aws:SourceIp" in found.reason


@pytest.mark.parametrize(
    ("key", "policy_type"), [(EVERYWHERE, SCP), ("tls-only", RCP), ("s3-bpa", "S3_POLICY")]
)
def test_a_type_that_is_switched_off_on_the_root_enforces_nothing(key, policy_type):
    world = attached(organization(), key, ROOT)
    assert decide(world, key, PROD).state == "ENFORCED"
    off = replace(world, enabled_types=world.enabled_types - {policy_type})
    found = decide(off, key, PROD)
    assert found.state == "MISSING"
    assert "switched off on the root" in found.reason


def test_without_full_aws_access_at_a_level_everything_is_denied_and_that_is_said():
    world = attached(organization(), EVERYWHERE, ROOT)
    world = made.without(world, "p-FullAWSAccess", "ou-prod")
    found = decide(world, EVERYWHERE, PROD)
    assert (found.state, found.level) == ("BROKEN", "ou-prod")
    assert "FullAWSAccess" in found.reason
    assert decide(world, EVERYWHERE, DEV).state == "ENFORCED"


def test_rcps_count_by_the_account_that_owns_the_resource():
    world = attached(organization(), "tls-only", "ou-prod")
    assert decide(world, "tls-only", PROD).state == "ENFORCED"
    assert decide(world, "tls-only", DEV).state == "MISSING"
    assert decide(world, "tls-only", MANAGEMENT).state == "NOT_ENFORCEABLE"


@pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "CLOSED", "PENDING_ACTIVATION"])
def test_an_account_that_is_not_active_is_out(state):
    world = attached(organization(), EVERYWHERE, ROOT)
    world = replace(world, nodes={**world.nodes, PROD: replace(world.nodes[PROD], state=state)})
    assert decide(world, EVERYWHERE, PROD).state == "NOT_APPLICABLE"


def test_an_invariant_about_suspended_ous_holds_there_and_nowhere_else():
    world = attached(organization(), "acct-suspended", "ou-susp")
    found = states(world, "acct-suspended")
    assert found.pop(PARKED) == "ENFORCED"
    assert set(found.values()) == {"NOT_APPLICABLE"}


def test_an_ou_of_exceptions_is_excepted_where_the_invariant_grants_that():
    world = attached(organization(), "kms-grant", "ou-work", "ou-sec", "ou-nurs")
    found = decide(world, "kms-grant", SPECIAL)
    assert found.state == "EXCEPTED"
    assert found.evidence["carve_outs"] == [{"mechanism": "a", "value": "Exceptions OU"}]
    # kms-delete grants no exception by OU.
    assert decide(world, EVERYWHERE, SPECIAL).state == "MISSING"


def test_an_ou_of_exceptions_that_has_the_policy_is_not_excepted():
    world = attached(organization(), "kms-grant", ROOT)
    assert decide(world, "kms-grant", SPECIAL).state == "ENFORCED"


def test_a_boundary_is_unknown_for_nobody_collects_it():
    found = decide(organization(), "payer-workloads", MANAGEMENT)
    assert found.state == "UNKNOWN"
    assert "is not collected" in found.reason


def test_delegated_administrators_are_not_exempt():
    world = attached(organization(), EVERYWHERE, "ou-work")
    assert decide(world, EVERYWHERE, SECURITY).state == "MISSING"


def test_no_reason_names_an_account_or_a_level():
    world = made.with_policy(organization(), "p-secret", SCP, None, "ou-prod")
    evaluation = evaluate(world, made.shipped(), now=made.NOW)
    for group in evaluation.groups:
        for decision in group.decisions.values():
            assert not any(node_id in decision.reason for node_id in world.nodes)


def test_what_aws_keeps_is_meant_for_no_invariant_and_counts_by_what_it_denies():
    record = made.shipped()["mon-guardduty"]
    part = document(statement(record.must_deny[0].action))
    world = made.with_policy(organization(), "aws-guardrails-AbCdEf", SCP, part, ROOT)
    assert decide(world, "mon-guardduty", PROD).state == "MISSING"
    whole = document(statement(*{probe.action for probe in record.must_deny}))
    world = made.with_policy(organization(), "aws-guardrails-AbCdEf", SCP, whole, ROOT)
    found = decide(world, "mon-guardduty", PROD)
    assert (found.state, found.policy_id) == ("ENFORCED", "aws-guardrails-AbCdEf")


def test_a_policy_for_one_invariant_that_resembles_another_is_not_meant_for_that():
    world = attached(organization(), "iam-protect-roles", ROOT)
    catalogue = made.only("iam-boundary", "iam-protect-roles")
    found = decide(world, "iam-boundary", PROD, catalogue=catalogue)
    assert found.state == "MISSING"


def test_only_what_is_read_less_is_known_less():
    """A policy that could not be read turns nothing into a better state."""
    keys = ("kms-delete", "acct-leave-org", "tls-only", "acct-regions")
    world = organization()
    for key in keys:
        world = attached(world, key, "ou-work")
    before = evaluate(world, made.only(*keys), now=made.NOW)
    for policy_id in world.policies:
        hidden = replace(world.policies[policy_id], content=None)
        less = replace(world, policies={**world.policies, policy_id: hidden})
        after = evaluate(less, made.only(*keys), now=made.NOW)
        for key in keys:
            for account in world.accounts:
                was, now = before.of(key, account.id).state, after.of(key, account.id).state
                assert now in (was, "UNKNOWN"), (policy_id, key, account.id)
