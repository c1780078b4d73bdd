"""Exemptions that stand in AWS and not in the catalogue, found by trying them."""

import pytest

from tests.invariants.coverage import made
from tests.invariants.coverage.made import (
    DEV,
    PROD,
    ROOT,
    attached,
    decide,
    document,
    organization,
    statement,
    text_of,
)

KEY = "kms-delete"
TEAM_ROLE = "arn:aws:iam::*:role/payments/KeyRotation"


def changed(key, change, *targets):
    """The world in which each Deny of the invariant's policy went through `change`."""
    text = text_of(key)
    for one in text["Statement"]:
        if one["Effect"] == "Deny":
            change(one)
    return attached(organization(), key, *(targets or (ROOT,)), document=text)


def exempting(operator, name, *values):
    def change(one):
        condition = one.setdefault("Condition", {}).setdefault(operator, {})
        before = condition.get(name, [])
        condition[name] = [*([before] if isinstance(before, str) else before), *values]

    return change


def carve_outs(world, account_id=PROD, key=KEY):
    found = decide(world, key, account_id)
    return found.state, found.evidence.get("carve_outs", [])


def test_the_catalogues_own_exemptions_are_no_carve_outs():
    assert carve_outs(attached(organization(), KEY, ROOT)) == ("ENFORCED", [])


@pytest.mark.parametrize(
    ("operator", "name", "value", "mechanism"),
    [
        ("ArnNotLike", "aws:PrincipalArn", TEAM_ROLE, "b"),
        ("StringNotEquals", "aws:PrincipalTag/exempt", "yes", "c"),
        ("StringNotEqualsIfExists", "aws:ResourceTag/exempt", "yes", "c"),
        ("StringNotLike", "aws:RequestedRegion", "us-*", "d"),
        ("StringNotEquals", "aws:PrincipalAccount", PROD, "b"),
        ("NotIpAddress", "aws:SourceIp", "198.51.100.0/24", "d"),
    ],
)
def test_a_value_that_somebody_added_is_found_with_its_mechanism(operator, name, value, mechanism):
    world = changed(KEY, exempting(operator, name, value))
    if name == "aws:PrincipalAccount":
        # The account as a whole: there nothing is denied any more.
        assert decide(world, KEY, PROD).state == "BROKEN"
        assert decide(world, KEY, DEV).state == "ENFORCED"
        return
    if name == "aws:SourceIp":
        # From where the request comes is not said by the probes.
        assert decide(world, KEY, PROD).state == "UNKNOWN"
        return
    state, found = carve_outs(world)
    assert state == "CARVED_OUT"
    assert {(one["key"], one["value"], one["mechanism"]) for one in found} == {
        (name, value, mechanism)
    }
    (first, *_) = found
    assert first["policy_id"] == "p-kms-delete"
    assert first["level"] == ROOT
    assert first["operator"] == operator
    assert first["sid"] == text_of(KEY)["Statement"][first["statement"]]["Sid"]


def test_an_exempt_role_of_one_account_is_a_carve_out_there_alone():
    world = changed(
        KEY, exempting("ArnNotLike", "aws:PrincipalArn", f"arn:aws:iam::{PROD}:role/Own")
    )
    state, found = carve_outs(world)
    # One for each statement that has it.
    assert (state, {one["value"] for one in found}) == (
        "CARVED_OUT",
        {"arn:aws:iam::{account}:role/Own"},
    )
    assert carve_outs(world, DEV) == ("ENFORCED", [])


def test_an_exemption_in_one_of_two_policies_lets_nobody_through():
    text = text_of(KEY)
    for one in text["Statement"]:
        exempting("ArnNotLike", "aws:PrincipalArn", TEAM_ROLE)(one)
    world = attached(organization(), KEY, ROOT)
    world = attached(world, KEY, "ou-prod", document=text, policy_id="p-softer")
    assert carve_outs(world) == ("ENFORCED", [])


def test_an_extra_action_behind_not_action_is_a_carve_out():
    def change(one):
        one["NotAction"] = [*one["NotAction"], "bedrock:*"]

    state, found = carve_outs(changed("acct-regions", change), key="acct-regions")
    assert state == "CARVED_OUT"
    assert {(one["operator"], one["value"], one["mechanism"]) for one in found} == {
        ("NotAction", "bedrock:*", "d")
    }


def test_an_extra_region_is_a_carve_out():
    world = changed(
        "acct-regions", exempting("StringNotEquals", "aws:RequestedRegion", "sa-east-1")
    )
    state, found = carve_outs(world, key="acct-regions")
    assert (state, [(one["value"], one["mechanism"]) for one in found]) == (
        "CARVED_OUT",
        [("sa-east-1", "d")],
    )


def test_an_extra_resource_behind_not_resource_is_a_carve_out():
    bucket = "arn:aws:s3:::vendor-drop/*"

    def change(one):
        one["NotResource"] = bucket
        del one["Resource"]

    state, found = carve_outs(changed("tls-only", change), key="tls-only")
    assert state == "CARVED_OUT"
    assert {(one["operator"], one["value"], one["mechanism"]) for one in found} == {
        ("NotResource", bucket, "d")
    }


def test_an_exemption_for_an_action_that_no_probe_asks_for_is_found():
    """As the generated edit has it: whoever is exempt may do one of what the statement denies."""
    role = f"arn:aws:iam::{PROD}:role/Own"
    text = text_of(KEY)
    who = text["Statement"][0]
    asked = {probe.action for probe in made.shipped()[KEY].must_deny}
    (spared,) = set(who["Action"]) - asked
    exempting("ArnNotLike", "aws:PrincipalArn", role)(who)
    left = statement(*asked, conditions={"ArnLike": {"aws:PrincipalArn": role}}, Sid="Left")
    parts = document(*text["Statement"], left)
    state, found = carve_outs(attached(organization(), KEY, ROOT, document=parts))
    assert (state, {one["value"] for one in found}) == (
        "CARVED_OUT",
        {"arn:aws:iam::{account}:role/Own"},
    )
    # Where nothing is spared nobody gets through.
    left["Action"].append(spared)
    parts = document(*text["Statement"], left)
    assert carve_outs(attached(organization(), KEY, ROOT, document=parts)) == ("ENFORCED", [])


def test_a_region_is_found_though_another_policy_denies_what_the_probes_ask_for():
    world = changed(
        "acct-regions", exempting("StringNotEquals", "aws:RequestedRegion", "sa-east-1")
    )
    actions = {probe.action for probe in made.shipped()["acct-regions"].must_deny}
    there = {"StringEquals": {"aws:RequestedRegion": "sa-east-1"}}
    other = document(statement(*sorted(actions), conditions=there, Sid="Other"))
    world = made.with_policy(world, "p-other", "SERVICE_CONTROL_POLICY", other, ROOT)
    state, found = carve_outs(world, key="acct-regions")
    assert (state, [one["value"] for one in found]) == ("CARVED_OUT", ["sa-east-1"])


def test_an_exemption_that_ends_by_itself_says_when():
    text = text_of(KEY)
    again = [one for one in text_of(KEY)["Statement"] if one["Effect"] == "Deny"]
    for one in text["Statement"]:
        exempting("ArnNotLike", "aws:PrincipalArn", TEAM_ROLE)(one)
    for one in again:
        one["Sid"] = f"{one['Sid']}Later"
        one["Condition"] = {
            **one.get("Condition", {}),
            "DateGreaterThan": {"aws:CurrentTime": "2026-12-31T00:00:00Z"},
        }
    world = attached(organization(), KEY, ROOT, document=document(*text["Statement"], *again))
    state, found = carve_outs(world)
    assert state == "CARVED_OUT"
    assert {(one["mechanism"], one["until"]) for one in found} == {("f", "2026-12-31T00:00:00Z")}


def test_a_deny_for_some_roles_only_exempts_everybody_else():
    world = changed(KEY, exempting("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/Dev*"))
    catalogue = made.only(KEY, must_deny=made.shipped()[KEY].must_deny[:1])
    found = decide(world, KEY, PROD, catalogue=catalogue)
    assert found.state == "CARVED_OUT"
    assert {one["value"] for one in found.evidence["carve_outs"]} == {
        "anything but arn:aws:iam::*:role/Dev*"
    }


def test_carve_outs_of_a_policy_that_serves_nobody_are_not_looked_for():
    other = document(
        statement("s3:DeleteBucket", conditions={"ArnNotLike": {"aws:PrincipalArn": TEAM_ROLE}})
    )
    world = made.with_policy(
        attached(organization(), KEY, ROOT), "p-other", "SERVICE_CONTROL_POLICY", other, ROOT
    )
    assert carve_outs(world) == ("ENFORCED", [])
