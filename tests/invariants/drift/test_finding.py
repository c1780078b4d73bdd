"""Each kind of drift is found, and each cause only once."""

import json
from copy import deepcopy

from invariants.evaluation.drift import finding
from invariants.evaluation.drift.records import Told
from invariants.evaluation.drift.values import stacks
from tests.invariants.drift.pictures import (
    APP,
    EC2,
    LAB,
    LEAVE,
    PROD,
    ROOT,
    SANDBOX,
    SCP,
    SERIAL,
    STAGING,
    USERS,
    WORKLOADS,
    demand,
    deployed,
    picture,
    shown,
)


def find(demands, policies, **changes):
    gone = changes.pop("gone", ())
    return finding.find(picture(demands, policies, **changes), gone=gone)


def edited(policy, **changes):
    other = deepcopy(policy)
    other["Statement"][0] |= changes
    return other


def pack(*policies):
    return {"Version": "2012-10-17", "Statement": [s for p in policies for s in p["Statement"]]}


SERIAL_DEMAND = {
    "key": "ec2-serial",
    "policy": SERIAL,
    "type": EC2,
    "settings": (("ec2_attributes.serial_console_access.status", "disabled"),),
}


def serial(content=SERIAL, policy_id="p-serial", **changes):
    return deployed(content, policy_id, type=EC2, **changes)


def override(value="enabled"):
    return {"ec2_attributes": {"serial_console_access": {"status": {"@@assign": value}}}}


# Text.


def test_an_edited_policy_is_the_drift_of_its_invariant_with_both_texts():
    other = edited(USERS, Action=["iam:CreateUser", "iam:CreateLoginProfile"])
    found = find([demand("iam-no-users", USERS)], [deployed(other, "p-users")])
    assert shown(found) == [("CONTENT", "iam-no-users", "p-users", None)]
    one = found.differences[0]
    before, after = one.before.splitlines(), one.after.splitlines()
    assert [line.strip() for line in before if line not in after] == ['"iam:CreateAccessKey",']
    assert [line for line in after if line not in before] == []
    assert one.summary == "policy p-users is not what iam-no-users demands: 1 statement changed."
    assert json.loads(one.restore["content"]) == USERS


def test_the_diff_is_written_as_people_wrote_the_names():
    other = edited(USERS, Action=["iam:createuser"])
    found = find([demand("iam-no-users", USERS)], [deployed(other, "p-users")])
    assert '"iam:CreateUser"' in found.differences[0].after


def test_a_pack_serves_several_invariants_and_only_the_edited_one_drifts():
    demands = [demand(), demand("iam-no-users", USERS)]
    assert find(demands, [deployed(pack(USERS, LEAVE), "p-pack")]).differences == ()
    other = edited(USERS, Resource="arn:aws:iam::*:user/x")
    found = find(demands, [deployed(pack(other, LEAVE), "p-pack")])
    assert shown(found) == [("CONTENT", "iam-no-users", "p-pack", None)]
    assert "LeaveOrganization" not in found.differences[0].after
    assert len(json.loads(found.differences[0].restore["content"])["Statement"]) == 2


def test_a_statement_taken_out_of_a_pack_leaves_its_invariant_missing():
    found = find([demand(), demand("iam-no-users", USERS)], [deployed(LEAVE)])
    assert shown(found) == [("MISSING_IN_AWS", "iam-no-users", None, None)]


def test_a_statement_of_nobody_is_told_once():
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    content = {"Version": "2012-10-17", "Statement": [*pack(USERS, LEAVE)["Statement"], allow]}
    found = find([demand(), demand("iam-no-users", USERS)], [deployed(content, "p-pack")])
    assert shown(found) == [("CONTENT", "acct-leave-org", "p-pack", None)]
    assert '"s3:*"' in found.differences[0].after
    assert "1 statement of no invariant" in found.differences[0].summary


def test_another_name_is_no_drift_and_the_name_alone_makes_no_deployment():
    assert find([demand()], [deployed(name="Vendor migration")]).differences == ()
    stranger = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "*"}],
    }
    found = find([demand()], [deployed(stranger, name="acct-leave-org")])
    assert sorted(shown(found)) == [
        ("MISSING_IN_AWS", "acct-leave-org", None, None),
        ("UNMANAGED", None, "p-leave", ROOT),
    ]


def test_a_name_helps_where_little_of_the_text_is_left():
    actions = ["iam:CreateUser", *(f"iam:Delete{n}" for n in "ABCDEFG")]
    other = edited(USERS, Action=actions, Condition={"Bool": {"aws:SecureTransport": "false"}})
    users = demand("iam-no-users", USERS)
    assert {k for k, *_ in shown(find([users], [deployed(other, "p-x")]))} == {
        "MISSING_IN_AWS",
        "UNMANAGED",
    }
    named = deployed(other, "p-x", name="IamNoUsers")
    assert shown(find([users], [named])) == [("CONTENT", "iam-no-users", "p-x", None)]


def test_an_edited_copy_beside_a_good_one_is_found():
    other = edited(USERS, Action=["iam:CreateUser"])
    found = find(
        [demand("iam-no-users", USERS)],
        [deployed(USERS, "p-good"), deployed(other, "p-copy", attached_to=(PROD,))],
    )
    assert shown(found) == [("CONTENT", "iam-no-users", "p-copy", None)]


def test_adopting_an_edited_policy_as_a_draft_does_not_hide_that_it_was_edited():
    other = edited(USERS, Action=["iam:CreateUser", "iam:CreateLoginProfile"])
    draft = demand("adopted", other, state="DRAFT")
    found = find([demand("iam-no-users", USERS), draft], [deployed(other, "p-users")])
    assert shown(found) == [("CONTENT", "iam-no-users", "p-users", None)]


def test_parameters_that_nobody_has_set_are_named():
    other = edited(USERS, Action=["iam:CreateUser"])
    users = demand("iam-no-users", USERS, examples=("platform_roles",))
    assert "set platform_roles" in find([users], [deployed(other)]).differences[0].summary


# Missing, unmanaged, and what is neither.


def test_an_invariant_that_is_to_hold_and_that_no_policy_serves_is_missing():
    for state in ("STAGED", "ENFORCED"):
        found = find([demand(state=state)], [])
        assert shown(found) == [("MISSING_IN_AWS", "acct-leave-org", None, None)]
        assert "LeaveOrganization" in found.differences[0].before
    for state in ("DRAFT", "TESTED", "RETIRED"):
        assert find([demand(state=state)], []).differences == ()


def test_a_missing_one_says_in_which_policy_it_was():
    found = find([demand()], [], gone=[deployed(name="stay", is_gone=True)])
    assert found.differences[0].policy.policy_id == "p-leave"
    assert "It was in stay (p-leave), which is gone." in found.differences[0].summary


def test_policies_of_drafts_and_retired_invariants_are_recognised_and_never_drift():
    for state in ("DRAFT", "TESTED", "RETIRED"):
        users = demand("iam-no-users", USERS, state=state, targets={"root": True})
        other = edited(USERS, Action=["iam:CreateUser"])
        assert find([users], [deployed(USERS, attached_to=(SANDBOX,))]).differences == ()
        assert find([users], [deployed(other, attached_to=(SANDBOX,))]).differences == ()


def test_a_policy_of_nobody_is_unmanaged_and_says_where_it_hangs():
    found = find(
        [demand(state="DRAFT")],
        [deployed(USERS, "p-tmp", name="tmp", attached_to=(WORKLOADS, APP))],
    )
    assert shown(found) == [("UNMANAGED", None, "p-tmp", None)]
    assert found.differences[0].summary == (
        "tmp belongs to no invariant. It is attached to Workloads, app (300000000001)."
    )
    assert found.differences[0].severity == "MEDIUM"
    loose = find([demand(state="DRAFT")], [deployed(USERS, attached_to=())]).differences[0]
    assert loose.severity == "LOW"


def test_of_types_that_the_catalogue_has_nothing_of_it_says_nothing():
    tags = deployed({"tags": {}}, "p-tags", type="TAG_POLICY")
    assert find([demand(state="DRAFT")], [tags]).differences == ()


def test_policies_of_aws_and_of_control_tower_are_classes_of_their_own():
    managed = deployed(policy_id="p-FullAWSAccess", is_aws_managed=True)
    tower = deployed(USERS, "p-ct", name="aws-guardrails-AbCdEf")
    found = find([], [managed, tower])
    assert found.differences == ()
    assert found.recognised == {"AWS_MANAGED": 1, "CONTROL_TOWER": 1}


def test_whoever_calls_a_policy_a_guardrail_does_not_hide_what_it_grants():
    forged = deployed(edited(USERS, Effect="Allow"), "p-x", name="aws-guardrails-AbCdEf")
    draft = demand(state="DRAFT")
    assert shown(find([draft], [forged])) == [("UNMANAGED", None, "p-x", ROOT)]


def test_a_disabled_type_is_told_once_and_not_as_missing_policies():
    demands = [demand(), demand("iam-no-users", USERS, severity="CRITICAL")]
    found = find(demands, [], enabled_types=frozenset({EC2}))
    assert shown(found) == [("TYPE_DISABLED", "iam-no-users", None, ROOT)]
    assert found.differences[0].severity == "CRITICAL"
    assert "acct-leave-org, iam-no-users need it" in found.differences[0].summary
    boundary = demand("payer", type="PERMISSIONS_BOUNDARY")
    assert find([boundary], [], enabled_types=frozenset()).differences == ()


# Attachments.


def test_a_policy_hangs_at_its_targets_or_above_or_it_drifts():
    workloads = {"ou_roles": ["WORKLOADS"]}
    assert find([demand(targets=workloads)], [deployed(attached_to=(WORKLOADS,))]).differences == ()
    found = find([demand(targets=workloads)], [deployed(attached_to=(STAGING,))])
    assert shown(found) == [("ATTACHMENT", "acct-leave-org", "p-leave", WORKLOADS)]
    assert found.differences[0].restore == {
        "attach": [WORKLOADS],
        "hangs": {"ous": ["Policy Staging"]},
    }
    found = find([demand(targets=workloads)], [deployed(attached_to=(ROOT,))])
    assert shown(found) == [("ATTACHMENT", "acct-leave-org", "p-leave", ROOT)]
    assert found.differences[0].restore == {"detach": [ROOT]}


def test_hanging_at_some_ous_below_its_target_it_is_the_others_that_lack_it():
    found = find([demand()], [deployed(attached_to=(WORKLOADS, STAGING))])
    assert shown(found) == [("ATTACHMENT", "acct-leave-org", "p-leave", SANDBOX)]
    assert find([demand()], [deployed(attached_to=(WORKLOADS, STAGING, LAB))]).differences == ()
    everywhere = (WORKLOADS, SANDBOX, STAGING)
    assert find([demand()], [deployed(attached_to=everywhere)]).differences == ()


def test_below_a_target_and_in_staging_a_policy_may_hang():
    places = (WORKLOADS, PROD, APP, STAGING)
    found = find([demand(targets={"ous": ["Workloads"]})], [deployed(attached_to=places)])
    assert found.differences == ()


def test_beside_its_targets_it_may_not():
    found = find([demand(targets={"ous": ["Workloads/Prod"]})], [deployed(attached_to=(PROD, LAB))])
    assert shown(found) == [("ATTACHMENT", "acct-leave-org", "p-leave", LAB)]
    assert "lab (300000000002)" in found.differences[0].summary


def test_a_staged_invariant_is_on_its_way():
    staged = demand(state="STAGED", targets={"ou_roles": ["WORKLOADS"]})
    assert find([staged], [deployed(attached_to=(STAGING,))]).differences == ()
    assert find([staged], [deployed(attached_to=(APP,))]).differences == ()
    found = find([staged], [deployed(attached_to=(SANDBOX,))])
    assert shown(found) == [("ATTACHMENT", "acct-leave-org", "p-leave", SANDBOX)]


def test_two_policies_share_the_targets_of_one_invariant():
    both = [
        deployed(policy_id="p-1", attached_to=(WORKLOADS,)),
        deployed(policy_id="p-2", attached_to=(SANDBOX,)),
    ]
    targets = {"ou_roles": ["WORKLOADS", "SANDBOX"]}
    assert find([demand(targets=targets)], both).differences == ()


def test_a_target_that_is_not_there_is_told_and_a_role_without_ous_is_none():
    found = find(
        [demand(targets={"ous": ["Workloads", "Insurance"], "ou_roles": ["NURSERY"]})],
        [deployed(attached_to=(WORKLOADS,))],
    )
    assert shown(found) == [("ATTACHMENT", "acct-leave-org", "p-leave", None)]
    assert "Insurance, which the organisation does not have" in found.differences[0].summary


# Values.


def test_an_override_below_is_another_value_in_force_and_a_policy_of_nobody():
    policies = [serial(), serial(override(), "p-lab", attached_to=(LAB,))]
    found = find([demand(**SERIAL_DEMAND)], policies)
    assert shown(found) == [
        ("UNMANAGED", None, "p-lab", LAB),
        ("EFFECTIVE_VALUE", "ec2-serial", "p-lab", LAB),
    ]
    one = found.differences[1]
    assert json.loads(one.before) == {"ec2_attributes.serial_console_access.status": "disabled"}
    assert json.loads(one.after) == {"ec2_attributes.serial_console_access.status": "enabled"}
    assert (
        "AWS's own answer is not known: DescribeEffectivePolicy has not been asked" in one.summary
    )


def test_accounts_with_the_same_policies_are_told_together():
    policies = [serial(), serial(override(), "p-w", attached_to=(WORKLOADS,))]
    found = find([demand(**SERIAL_DEMAND)], policies)
    assert shown(found)[1:] == [("EFFECTIVE_VALUE", "ec2-serial", "p-w", WORKLOADS)]
    assert "1 account below Workloads has" in found.differences[1].summary


def test_an_edited_policy_is_not_told_again_as_a_value():
    found = find([demand(**SERIAL_DEMAND)], [serial(override())])
    assert shown(found) == [("CONTENT", "ec2-serial", "p-serial", None)]


def test_aws_has_the_last_word_and_its_difference_from_inheritance_is_told():
    world = picture([demand(**SERIAL_DEMAND)], [serial()])
    stack = next(one for one in stacks(world) if one.levels[-1][0] == ROOT)
    said = {"ec2_attributes": {"serial_console_access": {"status": "enabled"}}}
    found = find([demand(**SERIAL_DEMAND)], [serial()], told={(EC2, stack.digest): Told(said)})
    assert shown(found) == [
        ("EFFECTIVE_VALUE", "ec2-serial", "p-serial", ROOT),
        ("EFFECTIVE_VALUE", None, None, ROOT),
    ]
    assert "as DescribeEffectivePolicy says" in found.differences[0].summary
    same = {
        (EC2, stack.digest): Told(
            {"ec2_attributes": {"serial_console_access": {"status": "disabled"}}}
        )
    }
    assert find([demand(**SERIAL_DEMAND)], [serial()], told=same).differences == ()


def test_one_stack_stands_for_all_accounts_with_the_same_policies():
    world = picture([], [serial(), serial(override(), "p-lab", attached_to=(LAB,))])
    assert [[spot.id for spot in one.accounts] for one in stacks(world)] == [
        ["100000000001", APP],
        [LAB],
    ]


# What cannot be read.


def test_where_a_policy_cannot_be_read_nothing_is_missing():
    found = find([demand()], [deployed(None)])
    assert found.differences == ()
    assert found.unreadable == {"p-leave"}
    assert found.unclear_types == {SCP}
    assert len(found.unclear) == 1


def test_elsewhere_it_is():
    aside = deployed(None, "p-broken", attached_to=(STAGING,))
    assert shown(find([demand()], [aside])) == [("MISSING_IN_AWS", "acct-leave-org", None, None)]
    hung = deployed(attached_to=(WORKLOADS,))
    found = find([demand()], [hung, aside])
    assert shown(found) == [("ATTACHMENT", "acct-leave-org", "p-leave", SANDBOX)]
    assert len(found.unclear) == 1


def test_findings_have_one_identity_each():
    demands = [demand(), demand("iam-no-users", USERS), demand(**SERIAL_DEMAND)]
    policies = [
        deployed(edited(LEAVE, Resource="arn:aws:s3:::x"), attached_to=(SANDBOX, LAB)),
        deployed(USERS, "p-u", attached_to=(LAB,)),
        deployed({"Statement": [{"Effect": "Deny", "Action": "x:y", "Resource": "*"}]}, "p-z"),
    ]
    found = find(demands, policies).differences
    assert len({one.identity for one in found}) == len(found) >= 5
