"""What it costs to prove 60 invariants in 5,000 accounts, and to write what came of it.

Claims:
- deciding every invariant in every account by its probes takes at most 10 seconds on one core, with
  nothing remembered from before;
- with ten times the accounts under the same policies it takes at most twice as long: it is done once for
  each distinct stack of policies, not for each account;
- a whole run over an organisation in which nothing has changed, which reads it, decides, and compares
  every pair with what is stored, takes at most four times as long as deciding alone.

There are 60 OUs with a policy of their own each, and a hundred accounts have one; sixty are named in a
policy and so decided by themselves: some two hundred different stacks.

    python -m deploy.local.services --run -- python bench/coverage.py [--accounts N]
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import explorer, world  # noqa: E402
from bench.measure import Claim, report  # noqa: E402

if TYPE_CHECKING:
    from invariants import catalog
    from invariants.evaluation.coverage.world import World

RUNS: Final = 3
NOW: Final = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
_ROOT: Final = "r-benc"
_MANAGEMENT: Final = "999900001111"
_OUS: Final = 60
_ROLES: Final = (
    *("WORKLOADS",) * 5,
    "SECURITY",
    "INFRASTRUCTURE",
    "SANDBOX",
    "NURSERY",
    "EXCEPTIONS",
)
_EVERYTHING: Final = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=5_000)
    accounts: int = parser.parse_args().accounts
    os.environ["DATABASE_URL"] = explorer.database("bench_coverage")
    world.start_django()
    from invariants.evaluation import coverage  # noqa: PLC0415 - after django.setup()

    catalogue = _catalogue()
    many, few = _made(accounts, catalogue), _made(accounts // 10, catalogue)
    evaluation = coverage.evaluate(many, catalogue, now=NOW)
    works: dict[str, Callable[[], object]] = {
        "many": lambda: coverage.evaluate(many, catalogue, now=NOW),
        "few": lambda: coverage.evaluate(few, catalogue, now=NOW),
    }
    # In turns: a machine is not equally quick at all times.
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(RUNS):
        for name, work in works.items():
            _forget()
            taken[name].append(_seconds(work))
    seconds = {name: sorted(times)[RUNS // 2] for name, times in taken.items()}
    written = _write(many)
    claims = [
        Claim("seconds to decide all invariants in all accounts", seconds["many"], 10),
        Claim(
            "all accounts / a tenth of them under the same policies",
            seconds["many"] / seconds["few"],
            2,
        ),
        Claim(
            "a whole run in which nothing has changed / deciding alone",
            written["unchanged"] / seconds["many"],
            4,
        ),
    ]
    return report(
        "coverage",
        claims,
        accounts=accounts,
        invariants=len(catalogue),
        probes=sum(len(one.probes) for one in catalogue),
        pairs=sum(len(group.accounts) * len(group.decisions) for group in evaluation.groups),
        groups=len(evaluation.groups),
        policies=len(many.policies),
        states=_counted(evaluation),
        seconds=seconds,
        **{"seconds of a whole run": written},
    )


def _catalogue() -> "catalog.Catalogue":
    """The shipped one, made up to sixty by invariants that are as others are under another id."""
    from invariants import catalog  # noqa: PLC0415

    shipped = catalog.load()
    entries = dict(shipped.entries)
    spare = iter([key for key, entry in entries.items() if entry.invariant.must_deny])
    while len(entries) < 60:
        entry = shipped.entries[next(spare)]
        key = f"own-{entry.invariant.id}"
        entries[key] = replace(entry, invariant=replace(entry.invariant, id=key))
    return replace(shipped, entries=entries)


def _made(accounts: int, catalogue: "catalog.Catalogue") -> "World":
    """An organisation in which the policies of the catalogue are attached at their targets."""
    from invariants.catalog import RCP, SCP  # noqa: PLC0415
    from invariants.evaluation.coverage.world import (  # noqa: PLC0415
        Attachment,
        Node,
        PolicyText,
        World,
    )
    from invariants.policies import targets  # noqa: PLC0415

    nodes = {_ROOT: Node(_ROOT, "Root", "ROOT", None, "OTHER")}
    for number in range(_OUS):
        ou_id, role = f"ou-benc-{number:08}", _ROLES[number % len(_ROLES)]
        nodes[ou_id] = Node(ou_id, f"Unit {number:02}", "OU", _ROOT, role)
    ous = list(nodes)[1:]
    for number in range(accounts):
        ou_id = ous[number % _OUS]
        account_id = f"{100_000_000_001 + number * 7919}"
        nodes[account_id] = Node(
            account_id, account_id, "ACCOUNT", ou_id, nodes[ou_id].role, "ACTIVE"
        )
    nodes[_MANAGEMENT] = Node(_MANAGEMENT, "payer", "ACCOUNT", _ROOT, "OTHER", "ACTIVE")
    members = [node_id for node_id, node in nodes.items() if node.kind == "ACCOUNT"]
    policies: dict[str, PolicyText] = {}
    attachments: list[Attachment] = []

    def attach(policy_id: str, policy_type: str, document: Any, *places: str) -> None:
        text = json.dumps(document)
        policies[policy_id] = PolicyText(policy_id, policy_id, policy_type, text)
        attachments.extend(Attachment(policy_id, place) for place in places)

    attach("p-FullAWSAccess", SCP, _document(_EVERYTHING), *nodes)
    attach("p-RCPFullAWSAccess", RCP, _document(_EVERYTHING | {"Principal": "*"}), *nodes)
    for record in catalogue:
        if record.type != "PERMISSIONS_BOUNDARY":
            wanted = {
                "root": record.targets.root,
                "ou_roles": [str(role) for role in record.targets.ou_roles],
                "ous": list(record.targets.ous),
                "accounts": list(record.targets.accounts),
            }
            places = targets.resolve(wanted, nodes).ids
            attach(f"p-{record.id}", record.type, dict(record.policy), *sorted(places))
    for number, ou_id in enumerate(ous):
        named = [
            members[(number * 83 + step) % len(members)] for step in range(accounts // 6000 + 1)
        ]
        attach(f"p-ou-{number:02}", SCP, _document(_own(number, named)), ou_id)
    for number, account_id in enumerate(members[: accounts : max(accounts // 100, 1)][:100]):
        attach(f"p-account-{number:03}", SCP, _document(_own(number, [])), account_id)
    return World(
        org_id="o-exampleorg1",
        root_id=_ROOT,
        management_account_id=_MANAGEMENT,
        enabled_types=frozenset(one.type for one in policies.values()),
        nodes=nodes,
        policies=policies,
        attachments=tuple(attachments),
    )


def _document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _own(number: int, named: list[str]) -> dict[str, Any]:
    """What a team denies for itself; some roles of single accounts are exempt."""
    exempt = [f"arn:aws:iam::{account_id}:role/Deployer" for account_id in named]
    return {
        "Sid": f"Own{number}",
        "Effect": "Deny",
        "Action": ["glue:*", "kms:ScheduleKeyDeletion", f"ecs:Delete{'*' * (number % 2)}"],
        "Resource": "*",
        "Condition": {
            "ArnNotLike": {"aws:PrincipalArn": [*exempt, "arn:aws:iam::*:role/protected/*"]}
        },
    }


def _forget() -> None:
    """Nothing that an earlier evaluation parsed or compiled is remembered."""
    from invariants.engine import matching, patterns, stacks  # noqa: PLC0415
    from invariants.evaluation.coverage import (  # noqa: PLC0415
        as_code,
        kinship,
        layers,
        mentions,
        remembered,
    )

    remembered.forget()
    for module in (matching, patterns, stacks, as_code, kinship, layers, mentions, remembered):
        for name in dir(module):
            if hasattr(found := getattr(module, name), "cache_clear"):
                found.cache_clear()


def _write(made: "World") -> dict[str, float]:
    """Seconds of a run with reading and writing: the first, an unchanged one, and one after a change."""
    from django.core.management import call_command  # noqa: PLC0415

    from invariants.evaluation import coverage  # noqa: PLC0415
    from invariants.ingest.catalogue import load_catalogue  # noqa: PLC0415
    from inventory.models import Organization, OrgPolicy  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    if not Organization.objects.exists():
        _fill(made)
    organization = Organization.objects.get()
    load_catalogue(organization, folders=[], now=NOW)
    found = {}
    for name in ("first", "unchanged"):
        found[name] = _seconds(lambda: coverage.run(organization, now=NOW))
    OrgPolicy.objects.filter(name="p-kms-delete").update(content="{}")
    found["a policy of the root became unreadable"] = _seconds(
        lambda: coverage.run(organization, now=NOW)
    )
    return found


def _fill(made: "World") -> None:
    from inventory.models import (  # noqa: PLC0415
        Account,
        Collection,
        CollectionRun,
        Organization,
        OrganizationalUnit,
        OrgPolicy,
        PolicyAttachment,
    )

    organization = Organization.objects.create(
        org_id=made.org_id,
        arn=f"arn:aws:organizations::{_MANAGEMENT}:organization/{made.org_id}",
        management_account_id=_MANAGEMENT,
        root_id=_ROOT,
        enabled_policy_types=sorted(made.enabled_types),
    )
    units: dict[str, OrganizationalUnit] = {}
    for node in made.nodes.values():
        if node.kind != "ACCOUNT":
            parent = units.get(node.parent_id or "")
            units[node.id] = OrganizationalUnit.objects.create(
                organization=organization,
                ou_id=node.id,
                name=node.name,
                parent=parent,
                path=f"{parent.path if parent else ''}{node.id}/",
                label=node.name if parent else "",
                depth=1 if parent else 0,
                role=node.role,
            )
    Account.objects.bulk_create(
        Account(
            organization=organization,
            account_id=node.id,
            name=node.name,
            state=node.state,
            ou=units[node.parent_id or ""],
        )
        for node in made.accounts
    )
    policies = {
        policy.policy_id: policy
        for policy in OrgPolicy.objects.bulk_create(
            OrgPolicy(
                organization=organization,
                policy_id=one.id,
                name=one.name,
                type=one.type,
                content=one.content or "",
                changed_at=NOW,
            )
            for one in made.policies.values()
        )
    }
    PolicyAttachment.objects.bulk_create(
        PolicyAttachment(
            policy=policies[one.policy_id],
            target_id=one.target_id,
            target_kind=made.nodes[one.target_id].kind,
            since=NOW,
        )
        for one in made.attachments
    )
    collection = Collection.objects.create(as_of=NOW, state=Collection.State.COMPLETE)
    CollectionRun.objects.create(
        collection=collection,
        organization=organization,
        source=CollectionRun.Source.ORGANIZATIONS,
        state=CollectionRun.State.COMPLETE,
    )


def _counted(evaluation: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for group in evaluation.groups:
        for decision in group.decisions.values():
            found[decision.state] = found.get(decision.state, 0) + len(group.accounts)
    return dict(sorted(found.items()))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
