"""A small organisation, made in the test: what is attached where is the test's business."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from invariants import catalog
from invariants.catalog import RCP, SCP
from invariants.evaluation.coverage import evaluate
from invariants.evaluation.coverage.world import Attachment, Node, PolicyText, World

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ROOT = "r-ab12"
MANAGEMENT = "999900001111"
PROD, DEV, SECURITY = "111111111111", "222222222222", "333333333333"
SPECIAL, PARKED, NURSERY = "444444444444", "555555555555", "666666666666"
OUS = {
    "ou-work": ("Workloads", "WORKLOADS", ROOT),
    "ou-prod": ("Production", "WORKLOADS", "ou-work"),
    "ou-dev": ("Development", "WORKLOADS", "ou-work"),
    "ou-sec": ("Security", "SECURITY", ROOT),
    "ou-exc": ("Exceptions", "EXCEPTIONS", ROOT),
    "ou-susp": ("Suspended", "SUSPENDED", ROOT),
    "ou-nurs": ("Nursery", "NURSERY", ROOT),
}
ACCOUNTS = {
    MANAGEMENT: ROOT,
    PROD: "ou-prod",
    DEV: "ou-dev",
    SECURITY: "ou-sec",
    SPECIAL: "ou-exc",
    PARKED: "ou-susp",
    NURSERY: "ou-nurs",
}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@cache
def shipped():
    return catalog.load()


def only(*keys, **changes):
    """The shipped catalogue with these invariants alone; `changes` are to the first."""
    entries = {key: shipped().entries[key] for key in keys}
    if changes:
        first = entries[keys[0]]
        entries[keys[0]] = replace(first, invariant=replace(first.invariant, **changes))
    return replace(shipped(), entries=entries)


def text_of(key):
    """The catalogue's own policy, as a document that may be changed."""
    return json.loads(json.dumps(dict(shipped()[key].policy)))


def organization(accounts=ACCOUNTS, *, types=None):
    """The organisation with AWS's own policies alone, on every root, OU and account."""
    nodes = {ROOT: Node(ROOT, "Root", "ROOT", None, "OTHER")}
    for ou_id, (name, role, parent) in OUS.items():
        nodes[ou_id] = Node(ou_id, name, "OU", parent, role)
    for account_id, ou_id in accounts.items():
        nodes[account_id] = Node(
            account_id, account_id, "ACCOUNT", ou_id, nodes[ou_id].role, "ACTIVE"
        )
    enabled = types or {invariant.type for invariant in shipped()}
    world = World("o-exampleorg1", ROOT, MANAGEMENT, frozenset(enabled), nodes, {}, ())
    for policy_id, policy_type in (("p-FullAWSAccess", SCP), ("p-RCPFullAWSAccess", RCP)):
        statement = EVERYTHING if policy_type == SCP else EVERYTHING | {"Principal": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        world = with_policy(world, policy_id, policy_type, document, *nodes)
    return world


def with_policy(world, policy_id, policy_type, document, *targets):
    """The world with one policy more, attached to these. A document of None cannot be read."""
    content = document if document is None or isinstance(document, str) else json.dumps(document)
    text = PolicyText(policy_id, policy_id, policy_type, content)
    added = tuple(Attachment(policy_id, target) for target in targets)
    return replace(
        world, policies={**world.policies, policy_id: text}, attachments=world.attachments + added
    )


def attached(world, key, *targets, document=None, policy_id=""):
    """The world with the policy of an invariant, or another in its stead."""
    policy_type = shipped()[key].type
    return with_policy(
        world, policy_id or f"p-{key}", policy_type, document or text_of(key), *targets
    )


def without(world, policy_id, target):
    kept = tuple(a for a in world.attachments if a != Attachment(policy_id, target))
    return replace(world, attachments=kept)


def decide(world, key, account_id, *, catalogue=None, now=NOW):
    """The decision for one invariant in one account, by that invariant's catalogue alone."""
    return evaluate(world, catalogue or only(key), now=now).of(key, account_id)


def states(world, key, **options):
    """The states of an invariant by account."""
    evaluation = evaluate(world, options.get("catalogue") or only(key), now=NOW)
    return {node.id: evaluation.of(key, node.id).state for node in world.accounts}


def statement(*actions, conditions=None, **more):
    """A Deny."""
    found = {"Effect": "Deny", "Action": list(actions), "Resource": "*"} | more
    return found | ({"Condition": conditions} if conditions else {})


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}
