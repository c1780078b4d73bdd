"""The invariants: the register, coverage, drift, denials and what would change."""

import hashlib
from datetime import timedelta
from uuid import UUID

from findings.models import Control
from invariants import catalog
from invariants.catalog import stored
from invariants.models import (
    CatalogLoad,
    Coverage,
    CoverageDay,
    CoverageProof,
    CoverageRun,
    Denial,
    DenialDay,
    DenialServes,
    Drift,
    DriftRun,
    Invariant,
    InvariantControl,
    InvariantMove,
    InvariantVersion,
    OuCoverage,
    Recurrence,
    TrailFeed,
    Violation,
    WhatIf,
)
from inventory.models import Account, OrganizationalUnit, OrgPolicy, PolicyAttachment
from posture.policies import roles
from tests import factories
from tests.fixtures.leak_world import COUNTS, NOW
from tests.guards.matrix.row import Row

ALL = roles.SEE_EVERYTHING
KEY = "all-keys"
SCP = "SERVICE_CONTROL_POLICY"
_ASKED = UUID("11111111-2222-4333-8444-555555555555")
# By the names of the accounts of the world: their zone, and the state that the invariant has there.
_STATES = {
    "pilotage-boats": ("team", "ENFORCED"),
    "quayside-cranes": ("ou", "MISSING"),
    "zanzi-prod": ("foreign", "BROKEN"),
    "zanzi-lab": ("foreign", "UNKNOWN"),
}
_KINDS = ("HARM", "LOSS", "OPEN", "EXPOSED", "GAIN", "RELIEF")
_TEXT = """{"Version": "2012-10-17", "Statement": [{"Sid": "Zanzi", "Effect": "Deny",
"Action": "kms:ScheduleKeyDeletion", "Resource": "arn:aws:kms:*:930000001409:key/*"}]}"""


def furnish(world):
    invariant, policies = _register(world)
    accounts = {one.name: one for one in Account.objects.all()}
    _coverage(invariant, policies, accounts)
    _drift(world, invariant, policies, accounts)
    _denials(invariant, policies, accounts)
    _violations(invariant, accounts)
    _questions(world)


def _register(world):
    organization = factories.organization()
    invariant = Invariant.objects.create(
        organization=organization, key=KEY, state="ENFORCED", state_since=NOW,
        statement="Nobody deletes a key.", why="It is gone.", type=SCP,
        type_name="Service control policy", severity="CRITICAL", area="DATA_PROTECTION",
        owner="cloud-security", is_mandatory=True,
    )  # fmt: skip
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Zanzi",
                "Effect": "Deny",
                "Action": "kms:ScheduleKeyDeletion",
                "Resource": "arn:aws:kms:*:930000001409:key/*",
            }
        ],
    }
    version = InvariantVersion.objects.create(
        invariant=invariant, number=1, declared=1, digest="a" * 64, loaded_at=NOW,
        content=_record(policy),
        reading={
            "lint": [],
            "probes": {"asked": 2, "failing": 0, "open": 0, "failed": []},
            "golden": {"asked": 2, "failing": 1, "open": 0, "failed": [{"name": "zanzi works", "why": "no"}]},
            "words": [{"sid": "Zanzi", "effect": "Deny", "text": "Nobody of zanzi", "conditions": []}],
            "size": 90,
            "size_limit": 10240,
            "slots": 10,
        },
        source={
            "file": "catalog/zanzi-keys.yaml",
            "line": 1,
            "parameters": ["zanzi_roles"],
            "examples": ["zanzi_roles"],
            "because": "zanzi wants it",
        },
    )  # fmt: skip
    invariant.version = version
    invariant.save(update_fields=["version"])
    InvariantMove.objects.create(
        invariant=invariant, version=version, before="STAGED", after="ENFORCED", at=NOW,
        by_name="zanzi chief", why="zanzi agreed",
        gates=[{"gate": "coverage", "state": "PASSED", "found": "zanzi holds", "waiver": ""}],
    )  # fmt: skip
    CatalogLoad.objects.create(
        organization=organization, at=NOW - timedelta(days=1), state="LOADED", files="b" * 64
    )
    CatalogLoad.objects.create(
        organization=organization, at=NOW, state="REFUSED", files="c" * 64,
        problems=[
            {"file": "zanzi.yaml", "line": 7, "message": "zanzi is wrong", "remedy": "Mend zanzi."}
        ],
    )  # fmt: skip
    places = {"everywhere": "r-ab12", "harbour": "ou-ab12-harbour1", "zanzi": "ou-ab12-zanzi001"}
    policies = {}
    for word, target in places.items():
        policies[word] = OrgPolicy.objects.create(
            organization=organization, policy_id=f"p-{word}01", name=f"{word}-guard", type=SCP,
            arn=f"arn:aws:organizations::1:policy/o-1/service_control_policy/p-{word}01",
            content=_TEXT, changed_at=NOW,
        )  # fmt: skip
        PolicyAttachment.objects.create(
            policy=policies[word],
            target_id=target,
            target_kind="ROOT" if target.startswith("r-") else "OU",
            since=NOW - timedelta(days=9),
        )
    world.thing("invariant", team=KEY, none="no-such-key")
    world.thing(
        "invariant account",
        team=(KEY, "310000000013"),
        ou=(KEY, "320000001013"),
        foreign=(KEY, "930000001409"),
        none=(KEY, "999999999999"),
    )
    world.thing("export", foreign=(KEY, "terraform"), none=("no-such-key", "terraform"))
    world.thing("pack", foreign="terraform")
    world.thing("policy", foreign="p-zanzi01", none="p-nowhere1")
    return invariant, policies


def _record(policy):
    """A whole record, as the loader writes it."""
    found = stored.to_data(catalog.load()["kms-delete"])
    return found | {"id": KEY, "policy": policy, "targets": found["targets"] | {"ous": ["Zanzi"]}}


def _coverage(invariant, policies, accounts):
    CoverageRun.objects.create(
        organization=factories.organization(), at=NOW, state="PARTIAL", why="zanzi was not read"
    )
    for name, (zone, state) in _STATES.items():
        word = name.partition("-")[0]
        policy = {"team": policies["everywhere"], "foreign": policies["zanzi"]}.get(zone)
        proof = CoverageProof.objects.create(
            invariant=invariant, digest=hashlib.sha256(name.encode()).digest(), state=state,
            reason=f"So it is among the {word} ones.", policy=policy,
            level={"team": "r-ab12", "foreign": "ou-ab12-zanzi001"}.get(zone, ""),
            evidence={
                "carve_outs": [{"mechanism": "b", "value": f"arn:aws:iam::1:role/{word}-role"}]
            },
        )  # fmt: skip
        Coverage.objects.create(
            invariant=invariant, account=accounts[name], state=state, proof=proof, since=NOW
        )
        CoverageDay.objects.create(
            invariant=invariant, account=accounts[name], state=state,
            day=NOW.date() - timedelta(days=12),
        )  # fmt: skip
    sums = {
        "r-ab12": {
            "enforced": 1,
            "missing": COUNTS["ou"],
            "broken": COUNTS["foreign"],
            "unknown": COUNTS["foreign lab"],
        },
        "ou-ab12-harbour1": {"enforced": 1, "missing": COUNTS["ou"]},
        "ou-ab12-zanzi001": {
            "broken": COUNTS["foreign"],
            "unknown": COUNTS["foreign lab"],
        },
    }
    for ou_id, counts in sums.items():
        ou = OrganizationalUnit.objects.get(ou_id=ou_id)
        OuCoverage.objects.create(invariant=invariant, ou=ou, **counts)


def _drift(world, invariant, policies, accounts):
    organization = factories.organization()
    DriftRun.objects.create(
        organization=organization, at=NOW, state="SKIPPED", why="zanzi was not read whole"
    )
    rows = {
        "team": (accounts["pilotage-boats"], None),
        "ou": (accounts["quayside-cranes"], None),
        "foreign": (accounts["zanzi-prod"], policies["zanzi"]),
        "above": (None, policies["zanzi"]),
    }
    found = {}
    for zone, (account, policy) in rows.items():
        word = account.name.partition("-")[0] if account else "zanzi"
        found[zone] = Drift.objects.create(
            organization=organization, kind="CONTENT", key=f"{zone:a<64}", invariant=invariant,
            policy=policy, policy_type=SCP, policy_name=f"{word}-guard",
            target_id=account.account_id if account else "r-ab12",
            target_name=account.name if account else "Zanzi root", account=account,
            severity="HIGH", summary=f"Somebody changed what holds in {word}.",
            before=f'{{"role": "{word}-one"}}', after=f'{{"role": "{word}-two"}}',
            first_seen=NOW, last_seen=NOW, changed_since=NOW, changed_by=f"{word}-admin",
            changed_at=NOW, owner=f"{word} owner", note=f"{word} note",
        ).pk  # fmt: skip
    world.thing("drift", **{zone: found[zone] for zone in ("team", "ou", "foreign")})
    world.thing("drift", foreign=found["above"], none=1)


def _denials(invariant, policies, accounts):
    organization = factories.organization()
    TrailFeed.objects.create(
        organization=organization, kind="FILES", first_event_at=NOW - timedelta(days=20),
        last_event_at=NOW, taken_at=NOW,
    )  # fmt: skip
    counts = {"team": COUNTS["team"], "ou": COUNTS["ou"], "foreign": COUNTS["foreign"]}
    for name, (zone, _) in _STATES.items():
        if name == "zanzi-lab":
            continue
        account, word = accounts[name], name.partition("-")[0]
        policy = policies["zanzi"] if zone == "foreign" else policies["everywhere"]
        denial = Denial.objects.create(
            organization=organization, policy_type=SCP, policy_arn=policy.arn, policy=policy,
            is_explicit=True, account=account, aws_account_id=account.account_id,
            principal=f"arn:aws:iam::{account.account_id}:role/{word}-dev",
            action="kms:ScheduleKeyDeletion", region=f"ap-{word}-1",
            resource=f"arn:aws:kms:ap-west-1:{account.account_id}:key/{word}",
            first_at=NOW - timedelta(days=3), last_at=NOW - timedelta(hours=1), served_at=NOW,
        )  # fmt: skip
        DenialDay.objects.create(denial=denial, day=NOW.date(), count=counts[zone])
        DenialServes.objects.create(
            denial=denial, invariant=invariant, statement_id=f"{word}-sid", is_certain=True
        )


def _violations(invariant, accounts):
    InvariantControl.objects.create(invariant=invariant, control_key="S3.8", stops="FINDING")
    control = Control.objects.get(control_id="S3.8")
    for name, (zone, _) in _STATES.items():
        if name == "zanzi-lab":
            continue
        Violation.objects.create(
            invariant=invariant,
            account=accounts[name],
            control=control,
            open=COUNTS[zone],
            stops_finding=True,
        )
        Recurrence.objects.create(
            account=accounts[name], control=control, open=COUNTS[zone], opened=COUNTS[zone]
        )


def _questions(world):
    group = {"count": COUNTS["foreign"], "accounts": [["930000001409", "zanzi-prod"]]}
    one = {"probes": 1, "accounts": 1, "invariants": 1}
    result = {
        "version": 1,
        "type_name": "Service control policy",
        "decides": True,
        "accounts": 0,
        "stacks": 1,
        "doubt": "Zanzi was not read.",
        "aside": 0,
        "invariants": 1,
        "probes": 1,
        "unchanged": 0,
        "still_unknown": 0,
        "sums": {kind: dict(one) for kind in _KINDS},
        "changes": [
            {
                "kind": "HARM",
                "invariant": KEY,
                "statement": "Nobody deletes a key.",
                "severity": "HIGH",
                "probe": "Somebody of zanzi reads it",
                "missing": ["zanzi:key"],
                "why": "Denied by zanzi-guard.",
                "group": 0,
            }
        ],
        "coverage": [],
        "values": None,
        "refusals": ["Zanzi is full."],
        "slots": {"before": 1, "after": 2, "limit": 10},
        "size": {"before": 100, "after": 100, "limit": 10240},
        "limits_as_of": "2026-09-26",
        "lint": [],
        "unreached": [],
        "exempt": [],
        "groups": [group],
    }
    row = WhatIf.objects.create(
        id=_ASKED, organization=factories.organization(), act="ATTACH", source="TEXT",
        policy_name="zanzi idea", policy_type=SCP, policy_text=_TEXT, target_id="ou-ab12-zanzi001",
        target_name="Zanzibarium", digest="d" * 64, state="DONE", result=result,
        requested_by_name="zanzi chief", requested_at=NOW, expires_at=NOW + timedelta(days=30),
    )  # fmt: skip
    world.thing("what if", foreign=str(row.pk), none="00000000-0000-4000-8000-000000000000")


_ACCOUNTS = ("", "?ou={foreign_ou}", "?state=MISSING&state=BROKEN")

ROWS: tuple[Row, ...] = (
    Row(
        "invariants:list",
        query=("", "?q=zanzi", "?coverage=broken", "?area=CULTURE"),
        targets=("results",),
    ),
    Row("invariants:list_csv", targets=()),
    Row("invariants:matrix", query=("", "?ou={foreign_ou}", "?depth=3"), targets=("results",)),
    Row("invariants:matrix_csv", query=("", "?ou={foreign_ou}"), targets=()),
    Row(
        "invariants:detail",
        of="invariant",
        query=(
            *("", "?tab=policy", "?tab=coverage", "?tab=violations", "?tab=denials"),
            *("?tab=exceptions", "?tab=history", "?tab=history&version=1"),
        ),
    ),
    Row("invariants:accounts", of="invariant", query=_ACCOUNTS, targets=("results",)),
    Row("invariants:accounts_csv", of="invariant", query=_ACCOUNTS, targets=()),
    Row("invariants:account", of="invariant account", targets=()),
    Row("invariants:move", of="invariant", right=(roles.MANAGE_INVARIANTS, ALL)),
    Row(
        "invariants:move",
        of="invariant",
        right=(roles.MANAGE_INVARIANTS, ALL),
        sent={},
        allowed=422,
    ),
    # While the policy has example values there is no file of it: 409.
    Row("invariants:export", of="export", right=ALL, allowed=(200, 409), targets=()),
    Row("invariants:pack", of="pack", right=ALL, allowed=(200, 404, 409), targets=()),
    Row("invariants:adopt_list", right=ALL),
    Row("invariants:adopt", of="policy", right=ALL, query=("", "?download=1"), targets=()),
    Row(
        "invariants:drift",
        query=("", "?state=accepted", "?invariant=all-keys", "?kind=CONTENT", "?age=new"),
        targets=("results", "drawer"),
    ),
    Row("invariants:drift_csv", query=("", "?state=ended"), targets=()),
    Row("invariants:drift_entry", of="drift", targets=("drawer",)),
    Row(
        "invariants:drift_accept",
        of="drift",
        right=roles.MANAGE_DRIFT,
        sent={},
        allowed=422,
    ),
    Row(
        "invariants:drift_reopen",
        of="drift",
        right=roles.MANAGE_DRIFT,
        sent={},
        allowed=(302, 422),
    ),
    Row(
        "invariants:drift_assign",
        of="drift",
        right=roles.MANAGE_DRIFT,
        sent={},
        allowed=(302, 422),
    ),
    Row(
        "invariants:denials",
        query=(
            *("", "?days=7", "?account={foreign_account}", "?principal=zanzi"),
            *("?policy=p-zanzi01", "?invariant=all-keys"),
        ),
        targets=("results",),
    ),
    Row("invariants:candidates", targets=("results",)),
    Row(
        "invariants:what_if",
        right=ALL,
        query=("", "?target={foreign_ou}&source=AWS&policy=p-zanzi01"),
        targets=(),
    ),
    Row("invariants:what_if", right=ALL, sent={}, allowed=422),
    Row("invariants:what_if_result", of="what if", right=ALL, targets=("answer",)),
    Row("api_invariants", query=("", "?q=zanzi", "?coverage=broken", "?limit=1"), targets=()),
    Row("api_invariant", of="invariant", targets=()),
    Row("api_invariant_moves", of="invariant", right=ALL, targets=()),
    Row("api_invariant_versions", of="invariant", right=ALL, targets=()),
    Row("api_invariant_accounts", of="invariant", query=("", "?state=BROKEN"), targets=()),
    Row(
        "api_invariant_accounts",
        of="invariant",
        right=ALL,
        refused=404,
        query=("?ou={foreign_ou}",),
        targets=(),
    ),
    Row("api_invariant_ous", of="invariant", targets=()),
    Row("api_drift", query=("", "?standing=ended", "?invariant=all-keys"), targets=()),
    Row(
        "api_denials",
        query=("", "?account={foreign_account}", "?principal=zanzi", "?days=90"),
        targets=(),
    ),
    Row("api_catalogue_problems", right=ALL, targets=()),
)
