"""Invariants of policies that set values: what an account inherits decides."""

from tests.invariants.coverage import made
from tests.invariants.coverage.made import (
    DEV,
    MANAGEMENT,
    PROD,
    ROOT,
    SPECIAL,
    attached,
    decide,
    organization,
    text_of,
)

KEY = "ec2-serial"
PATH = "ec2_attributes.serial_console_access.status"


def override(value="enabled"):
    return {"ec2_attributes": {"serial_console_access": {"status": {"@@assign": value}}}}


def test_it_is_inherited_from_the_root_also_by_the_management_account():
    world = attached(organization(), KEY, ROOT)
    for account_id in (PROD, DEV, MANAGEMENT):
        found = decide(world, KEY, account_id)
        assert (found.state, found.policy_id, found.level) == ("ENFORCED", "p-ec2-serial", ROOT)
    assert found.evidence["settings"] == [
        {
            "path": PATH,
            "wanted": "disabled",
            "found": "disabled",
            "answer": "HOLDS",
            "policy_id": "p-ec2-serial",
            "level": ROOT,
        }
    ]


def test_it_is_missing_where_nothing_sets_it():
    found = decide(attached(organization(), KEY, "ou-prod"), KEY, DEV)
    assert (found.state, found.policy_id) == ("MISSING", None)
    assert PATH in found.reason


def test_a_policy_further_down_that_takes_it_back_breaks_it_and_is_the_carve_out():
    text = text_of(KEY)
    text["ec2_attributes"]["serial_console_access"].pop(
        "@@operators_allowed_for_child_policies", None
    )
    world = attached(organization(), KEY, ROOT, document=text)
    world = made.with_policy(world, "p-debug", made.shipped()[KEY].type, override(), DEV, SPECIAL)
    found = decide(world, KEY, DEV)
    assert (found.state, found.policy_id, found.level) == ("BROKEN", "p-debug", "ACCOUNT")
    assert found.evidence["carve_outs"] == [
        {
            "policy_id": "p-debug",
            "level": "ACCOUNT",
            "mechanism": "e",
            "key": PATH,
            "value": "enabled",
        }
    ]
    assert decide(world, KEY, PROD).state == "ENFORCED"
    # The invariant grants child policies to OUs of exceptions.
    excepted = decide(world, KEY, SPECIAL)
    assert excepted.state == "EXCEPTED"
    assert [one["mechanism"] for one in excepted.evidence["carve_outs"]] == ["e", "a"]


def test_a_child_policy_that_the_parent_forbids_changes_nothing():
    text = text_of(KEY)
    text["ec2_attributes"]["@@operators_allowed_for_child_policies"] = ["@@none"]
    world = attached(organization(), KEY, ROOT, document=text)
    world = made.with_policy(world, "p-debug", made.shipped()[KEY].type, override(), DEV)
    assert decide(world, KEY, DEV).state == "ENFORCED"


def test_another_value_is_broken():
    world = attached(organization(), KEY, ROOT, document=override("enabled"))
    found = decide(world, KEY, PROD)
    assert (found.state, found.policy_id) == ("BROKEN", "p-ec2-serial")
    assert "enabled" in found.reason


def test_a_part_of_what_is_demanded_is_broken():
    key = next(
        key for key, entry in made.shipped().entries.items() if len(entry.invariant.must_set) > 1
    )
    record = made.shipped()[key]
    names = record.must_set[0].path.split(".")
    world = organization()
    part = {}
    node = part
    for name in names:
        node = node.setdefault(name, {})
    node["@@assign"] = record.must_set[0].value
    world = made.with_policy(world, "p-part", record.type, part, ROOT)
    assert decide(world, key, PROD).state == "BROKEN"


def test_an_unreadable_policy_on_the_way_makes_it_unknown():
    world = attached(organization(), KEY, ROOT)
    world = made.with_policy(world, "p-secret", made.shipped()[KEY].type, None, "ou-prod")
    found = decide(world, KEY, PROD)
    assert (found.state, found.policy_id, found.level) == ("UNKNOWN", "p-secret", "ou-prod")
    assert decide(world, KEY, DEV).state == "ENFORCED"


def test_of_two_policies_at_one_level_the_first_that_was_attached_counts():
    world = attached(organization(), KEY, ROOT)
    world = made.with_policy(world, "p-later", made.shipped()[KEY].type, override(), ROOT)
    assert decide(world, KEY, PROD).state == "ENFORCED"
    first = made.with_policy(
        organization(), "p-earlier", made.shipped()[KEY].type, override(), ROOT
    )
    assert decide(attached(first, KEY, ROOT), KEY, PROD).state == "BROKEN"
