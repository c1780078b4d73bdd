"""What would change: pure, over an organisation written by hand and the shipped catalogue."""

import json
from dataclasses import replace
from types import MappingProxyType

import pytest

from invariants import catalog
from invariants.evaluation.coverage import Attachment, Node, PolicyText, World
from invariants.evaluation.what_if import changing, comparing, work_out
from invariants.evaluation.what_if.changing import Change
from invariants.evaluation.what_if.comparing import Kind
from invariants.queries import what_if_answers
from tests.factories import NOW

SCP, RCP, EC2 = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "DECLARATIVE_POLICY_EC2"
ROOT, WORK, PROD, SANDBOX = "r-ab12", "ou-ab12-work0000", "ou-ab12-prod0000", "ou-ab12-sand0000"
MANAGEMENT, CLOSED = "100000000001", "300000000009"
IN_PROD = ("300000000001", "300000000002")
ALLOW_ALL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@pytest.fixture(scope="module")
def catalogue():
    """Four invariants of the shipped ones: two SCPs, an RCP and one that sets values."""
    whole = catalog.load()
    keys = ("acct-leave-org", "kms-delete", "tls-only", "ec2-serial")
    return replace(whole, entries=MappingProxyType({key: whole.entries[key] for key in keys}))


@pytest.fixture
def world():
    nodes = (
        Node(ROOT, "Root", "ROOT"),
        Node(WORK, "Workloads", "OU", ROOT, "WORKLOADS"),
        Node(PROD, "Production", "OU", WORK, "WORKLOADS"),
        Node(SANDBOX, "Sandbox", "OU", ROOT, "SANDBOX"),
        Node(MANAGEMENT, "payer", "ACCOUNT", ROOT, "OTHER", "ACTIVE"),
        Node(IN_PROD[0], "shop", "ACCOUNT", PROD, "WORKLOADS", "ACTIVE"),
        Node(IN_PROD[1], "till", "ACCOUNT", PROD, "WORKLOADS", "ACTIVE"),
        Node(CLOSED, "shut", "ACCOUNT", PROD, "WORKLOADS", "SUSPENDED"),
        Node("300000000003", "toys", "ACCOUNT", SANDBOX, "SANDBOX", "ACTIVE"),
    )
    full = PolicyText(
        "p-FullAWSAccess", "FullAWSAccess", SCP, json.dumps(ALLOW_ALL), is_aws_managed=True
    )
    return World(
        org_id="o-halden0001",
        root_id=ROOT,
        management_account_id=MANAGEMENT,
        enabled_types=frozenset({SCP, RCP, EC2}),
        nodes={node.id: node for node in nodes},
        policies={full.id: full},
        attachments=tuple(Attachment(full.id, node.id) for node in nodes),
    )


def proposed(policy, kind=SCP, target=ROOT, name="proposed policy"):
    text = policy if isinstance(policy, str) else json.dumps(policy)
    return Change(True, PolicyText(changing.PROPOSED, name, kind, text), target)


def of_invariant(catalogue, key, target=ROOT):
    record = catalogue[key]
    return proposed(dict(record.policy), record.type, target, key)


def deny(*actions, **more):
    statement = {"Sid": "No", "Effect": "Deny", "Action": list(actions), "Resource": "*", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def answered(world, catalogue, change):
    result = work_out(world, catalogue, change, now=NOW)
    # As it comes out of the database.
    return what_if_answers.read(json.loads(json.dumps(result)))


def changes(answer, kind):
    (part,) = (one for one in answer["parts"] if one.kind == kind)
    return {(one["invariant"], one["probe"]): one for one in part.changes}


def names(group):
    return {name for _, name in group.accounts}


def test_the_policy_of_an_invariant_gains_its_own_probes_and_harms_none(world, catalogue):
    answer = answered(world, catalogue, of_invariant(catalogue, "acct-leave-org"))
    gained = changes(answer, "GAIN")
    denied = {probe.name for probe in catalogue["acct-leave-org"].must_deny}
    assert {probe for key, probe in gained if key == "acct-leave-org"} == denied
    assert answer["harms"].probes == answer["losses"].probes == 0
    (one, *_) = gained.values()
    assert "acct-leave-org” at the root" in one["why"]
    assert "allowed" not in one["why"]
    assert {"shop", "till", "toys"} >= names(one["group"]) >= {"shop", "till"}


def test_coverage_moves_from_missing_to_enforced_and_its_sums_are_the_accounts(world, catalogue):
    answer = answered(world, catalogue, of_invariant(catalogue, "acct-leave-org"))
    (moved,) = (one for one in answer["coverage"] if one["invariant"] == "acct-leave-org")
    assert sum(count for _, count in moved["before"]) == answer["accounts"].count == 5
    assert sum(count for _, count in moved["after"]) == 5
    (move,) = moved["moves"]
    assert (move["before"], move["after"]) == ("missing", "enforced")
    assert dict(moved["before"])["missing"] - dict(moved["after"]).get("missing", 0) == (
        move["group"].count
    )
    # Neither the management account nor the suspended one is among them.
    assert not names(move["group"]) & {"payer", "shut"}
    assert "{account}" not in move["reason"]


def test_what_must_stay_possible_and_is_denied_is_harm_with_the_statement_named(world, catalogue):
    answer = answered(world, catalogue, proposed(deny("kms:*"), target=PROD))
    harm = changes(answer, "HARM")
    assert harm
    assert {key for key, _ in harm} == {"kms-delete"}
    for one in harm.values():
        assert one["why"].startswith(
            "Denied by statement “No” of “proposed policy” at OU Workloads"
        )
        assert names(one["group"]) == {"shop", "till"}
    assert answer["harms"].accounts == 2


def test_a_condition_on_a_key_that_no_probe_says_makes_probes_unknown_and_names_it(
    world, catalogue
):
    condition = {"StringEquals": {"kms:EncryptionContext:department": "finance"}}
    answer = answered(world, catalogue, proposed(deny("kms:*", Condition=condition)))
    unknown = changes(answer, "OPEN")
    assert unknown
    for one in unknown.values():
        assert "kms:EncryptionContext:department" in one["missing"]
        assert one["why"].startswith("Unknown: ")
    assert answer["harms"].probes == 0


def test_detaching_loses_exactly_what_attaching_gained(world, catalogue):
    attach = of_invariant(catalogue, "acct-leave-org")
    there = changing.altered(world, attach)
    detach = replace(attach, is_attach=False)
    lost = changes(answered(there, catalogue, detach), "LOSS")
    gained = changes(answered(world, catalogue, attach), "GAIN")
    assert set(lost) == set(gained)
    assert all("It is not denied by this layer any more" in one["why"] for one in lost.values())
    assert changing.altered(there, detach).attachments == world.attachments


def test_only_accounts_below_the_target_are_asked(world, catalogue):
    answer = answered(world, catalogue, of_invariant(catalogue, "acct-leave-org", SANDBOX))
    assert names(answer["accounts"]) == {"toys"}
    # What asks nothing of them is counted, and not passed over in silence.
    assert answer["invariants"] + answer["aside"] == len(catalogue)
    answer = answered(world, catalogue, of_invariant(catalogue, "acct-leave-org", IN_PROD[0]))
    assert names(answer["accounts"]) == {"shop"}


def test_accounts_with_the_same_stack_are_one_story(world, catalogue):
    answer = answered(world, catalogue, of_invariant(catalogue, "acct-leave-org", PROD))
    assert answer["accounts"].count == 3
    assert answer["stacks"] <= 3
    for one in changes(answer, "GAIN").values():
        assert names(one["group"]) == {"shop", "till"}


def test_the_management_account_and_idle_ones_are_said_not_to_be_reached(world, catalogue):
    answer = answered(world, catalogue, of_invariant(catalogue, "acct-leave-org"))
    reached = {tuple(sorted(names(one["group"]))): one["why"] for one in answer["unreached"]}
    assert set(reached) == {("payer",), ("shut",)}
    assert "no SCP reaches it" in reached["payer",]
    assert any("Service-linked roles" in text for text in answer["exempt"])


def test_slots_and_size_count_as_aws_does(world, catalogue):
    answer = answered(world, catalogue, proposed(json.dumps(deny("kms:*"), indent=8)))
    assert answer["slots"] == {"before": 1, "after": 2, "limit": 10}
    assert answer["size"]["after"] == len(json.dumps(deny("kms:*"), separators=(",", ":")))
    assert answer["size"]["limit"] == 10240
    assert answer["refusals"] == []
    # Of RCPs AWS's own is everywhere, listed or not.
    answer = answered(world, catalogue, of_invariant(catalogue, "tls-only"))
    assert answer["slots"] == {"before": 1, "after": 2, "limit": 5}


def test_what_aws_would_refuse_is_said_with_the_remedy(world, catalogue):
    wide = deny(*(f"s3:Get{'x' * 40}{number}" for number in range(300)))
    (words,) = answered(world, catalogue, proposed(wide))["refusals"]
    assert "10,240" in words
    assert "split it" in words
    full = world
    for number in range(9):
        policy = PolicyText(f"p-{number:08}", f"policy {number}", SCP, json.dumps(deny("a4b:*")))
        full = replace(
            full,
            policies={**full.policies, policy.id: policy},
            attachments=(*full.attachments, Attachment(policy.id, WORK)),
        )
    (words,) = answered(full, catalogue, proposed(deny("kms:*"), target=WORK))["refusals"]
    assert words.startswith("10 policies of this type are attached there, and AWS takes 10")
    last = Change(False, world.policies["p-FullAWSAccess"], SANDBOX)
    answer = answered(world, catalogue, last)
    assert "last SCP" in answer["refusals"][0]
    assert all(
        "no SCP at OU Sandbox allows it" in o["why"] for o in changes(answer, "HARM").values()
    )


def test_a_type_that_is_not_enabled_is_said_and_counted_as_if_it_were(world, catalogue):
    off = replace(world, enabled_types=frozenset({EC2}), attachments=())
    answer = answered(off, catalogue, of_invariant(catalogue, "acct-leave-org"))
    assert "is not enabled" in answer["refusals"][0]
    # With the type comes AWS's own policy that allows everything: nothing else is denied.
    assert answer["harms"].probes == 0
    assert answer["gains"].probes > 0


def test_management_policies_show_each_effective_value(world, catalogue):
    answer = answered(world, catalogue, of_invariant(catalogue, "ec2-serial", WORK))
    found = {one["path"]: one for one in answer["values"]["changes"]}
    one = found["ec2_attributes.serial_console_access.status"]
    assert (one["before"], one["after"]) == ("", '"disabled"')
    assert names(one["group"]) == {"shop", "till", "shut"}
    assert not answer["decides"]
    unreadable = PolicyText("p-unread01", "secret", EC2, None)
    dark = replace(
        world,
        policies={**world.policies, unreadable.id: unreadable},
        attachments=(*world.attachments, Attachment(unreadable.id, SANDBOX)),
    )
    answer = answered(dark, catalogue, of_invariant(catalogue, "ec2-serial", ROOT))
    assert names(answer["values"]["unknown"]) == {"toys"}


def test_an_unreadable_policy_above_is_unknown_and_never_good_news(world, catalogue):
    unreadable = PolicyText("p-unread01", "secret", SCP, None)
    dark = replace(
        world,
        policies={**world.policies, unreadable.id: unreadable},
        attachments=(*world.attachments, Attachment(unreadable.id, ROOT)),
    )
    answer = answered(dark, catalogue, proposed(deny("kms:*"), target=SANDBOX))
    assert answer["still_unknown"] > 0


@pytest.mark.parametrize(
    ("was", "becomes", "must_deny", "kind"),
    [
        ("HOLDS", "HOLDS", True, None),
        ("UNKNOWN", "UNKNOWN", False, None),
        ("HOLDS", "BREAKS", False, Kind.HARM),
        ("UNKNOWN", "BREAKS", False, Kind.HARM),
        ("BREAKS", "HOLDS", False, Kind.RELIEF),
        ("UNKNOWN", "HOLDS", False, Kind.RELIEF),
        ("HOLDS", "BREAKS", True, Kind.LOSS),
        ("UNKNOWN", "BREAKS", True, Kind.EXPOSED),
        ("BREAKS", "HOLDS", True, Kind.GAIN),
        ("UNKNOWN", "HOLDS", True, Kind.GAIN),
        ("HOLDS", "UNKNOWN", True, Kind.OPEN),
        ("BREAKS", "UNKNOWN", False, Kind.OPEN),
    ],
)
def test_what_a_change_of_an_answer_means(was, becomes, must_deny, kind):
    assert comparing.kind_of(was, becomes, must_deny=must_deny) is kind
