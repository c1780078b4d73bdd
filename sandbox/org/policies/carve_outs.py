"""Exemptions that come into policies and go again: by pull requests that the pipeline merges, or by somebody's hand.

Most belong to an exception that people of the demo asked for (`sandbox/data/exceptions.yaml` tells that side): some as the
edit that was approved with it, some as somebody wrote it by hand. What has no leave, or has lost it, is listed in
`sandbox/data/planted.yaml`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.moments import DAY, NEVER
from sandbox.org.policies.plan import EC2, PIPELINE, Attachment, PolicyPlan

_PRINCIPAL = "aws:PrincipalArn"
_TIME = "aws:CurrentTime"


@dataclass(frozen=True, slots=True)
class CarveOut:
    """One exemption in a policy, by the key of its plan; moments are seconds relative to the anchor day.

    Every Deny named by `sids` (all of them where none is named) exempts `values` of `key`. `ends_on` is a day relative to the
    anchor day from which the policy denies them again by itself.

    Where `ref` names the exception, the pipeline has merged the edit as it was approved: what is left of the Deny beyond
    `account` (its key), the values, `resources` and `actions` is written out as statements of their own, which bear the reference; and
    `guarded` is the tag that only the platform may set. Otherwise somebody wrote it by hand.
    """

    policy: str
    values: tuple[str, ...]
    since: int
    until: int = NEVER
    by: str = PIPELINE
    ended_by: str = PIPELINE
    key: str = _PRINCIPAL
    operator: str = "ArnNotLike"
    sids: tuple[str, ...] = ()
    ends_on: int | None = None
    ref: str = ""
    account: str = ""
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    guarded: str = ""

    def stands_at(self, moment: int) -> bool:
        """Return whether it is in the policy at that moment."""
        return self.since <= moment < self.until


def role(account: str, name: str) -> str:
    """Return the ARN of a role of an account, by the account's key."""
    return f"arn:aws:iam::${{ACCOUNT:{account}}}:role/{name}"


def _day(days: float) -> int:
    return int(days * DAY)


CARVE_OUTS = (
    CarveOut("network-edge", (role("settlements-prod", "AcquirerTunnel"),), _day(-170.6), _day(-138.4)),
    CarveOut(
        "network-edge",
        ("event-streams",),
        _day(-170.5),
        key="aws:ResourceTag/halden:broker-peering",
        operator="StringNotEquals",
        sids=("NetEdge",),
        ref="EX0001",
        account="event-streams-prod",
        guarded="halden:broker-peering",
    ),
    CarveOut(
        "deny-iam-users",
        (role("storefront-prod", "MailRelaySetup"),),
        _day(-136.5),
        ref="EX0005",
        actions=("iam:CreateUser", "iam:CreateAccessKey"),
    ),
    CarveOut("deny-public-s3", (role("storefront-prod", "CampaignPublisher"),), _day(-107.5), _day(-31.6), sids=("HaldenKeepBlock",)),
    # Somebody put it back by hand, two days after the pipeline had taken it out.
    CarveOut(
        "deny-public-s3",
        (role("storefront-prod", "CampaignPublisher"),),
        _day(-29.6),
        by="Luca Ferrante",
        sids=("HaldenKeepBlock",),
    ),
    CarveOut("deny-public-s3", (role("checkout-prod", "IncidentExport"),), _day(-99.1), _day(-95.4), sids=("HaldenKeepBlock",)),
    CarveOut("deny-iam-users", (role("warehouse-prod", "LegacyLoader"),), _day(-86.5), _day(-37.4)),
    CarveOut(
        "payments-boundary",
        (),
        _day(-71.05),
        _day(-46.4),
        ref="EX0013",
        account="card-vault-prod",
        resources=("arn:aws:kms:eu-central-1:${ACCOUNT:card-vault-prod}:key/5c1e7a40-9d3b-4f62-8a17-b20e64d9c3f8",),
    ),
    CarveOut("restrict-regions", (role("event-streams-prod", "ReplicaSeeder"),), _day(-52.5), _day(-16.4)),
    CarveOut("payments-boundary", (role("card-vault-prod", "HsmMigration"),), _day(-18.5), sids=("KmsDeleteWho",), ends_on=26),
    CarveOut("restrict-regions", (role("settlements-prod", "FailoverDrill"),), _day(-44.5)),
    CarveOut("restrict-regions", (role("warehouse-prod", "FailoverRunner"),), _day(-0.25)),
    CarveOut("deny-public-s3", (role("checkout-prod", "ReceiptArchive"),), _day(-60.5), _day(0.9), sids=("HaldenKeepBlock",)),
    # Merged, and in AWS from tomorrow on.
    CarveOut("deny-public-s3", (role("storefront-prod", "LookbookPublisher"),), _day(0.9), sids=("HaldenKeepBlock",)),
    # Nobody asked for it.
    CarveOut(
        "network-edge",
        (role("warehouse-prod", "QuickPeering"),),
        _day(-24.6),
        by="Teodor Lindqvist",
        sids=("NetEdge",),
    ),
)  # fmt: skip
"""Every exemption, in the order in which they came."""

OVERRIDES = (
    PolicyPlan(
        "exc-imdsv1-card-vault",
        EC2,
        "exc-imdsv1-card-vault",
        "The tokenisation appliance cannot ask for session tokens yet",
        (Attachment("account:card-vault-staging", since=_day(-52.5)),),
        since=_day(-52.6),
    ),
)
"""Policies of single accounts that set another value than the one above."""


def carved(policy: Mapping[str, Any], found: tuple[CarveOut, ...]) -> dict[str, Any]:
    """Return the policy with these exemptions in it."""
    statements = [dict(one) for one in policy["Statement"]]
    for carve_out in found:
        change = _merged if carve_out.ref else _by_hand
        statements = change(statements, carve_out)
    return {**policy, "Statement": statements}


def _by_hand(statements: list[dict[str, Any]], carve_out: CarveOut) -> list[dict[str, Any]]:
    meant = [one for one in statements if _is_meant(one, carve_out)]
    changed = [_exempting(one, carve_out) if one in meant else one for one in statements]
    ending = meant if carve_out.ends_on is not None else []
    return changed + [_ending(one, carve_out) for one in ending]


def _merged(statements: list[dict[str, Any]], carve_out: CarveOut) -> list[dict[str, Any]]:
    """Return them as the approved edit has them: each Deny beyond one side of the scope after the other."""
    found = []
    for statement in statements:
        found += _cut(statement, carve_out) if _is_meant(statement, carve_out) else [statement]
    return [*found, _guard(carve_out)] if carve_out.guarded else found


def _cut(statement: dict[str, Any], carve_out: CarveOut) -> list[dict[str, Any]]:
    left = []
    # An account, where the policy reaches others as well.
    accounts = (f"${{ACCOUNT:{carve_out.account}}}",) if carve_out.account else ()
    sides = [
        ("StringNotEquals", "aws:PrincipalAccount", accounts),
        (carve_out.operator, carve_out.key, carve_out.values),
    ]
    for operator, key, values in (side for side in sides if side[2]):
        left.append(_with(statement, operator, key, values))
        inner = operator.replace("Not", "")
        if key not in _keys_of(statement, inner):
            statement = _with(statement, inner, key, values)
    if carve_out.resources:
        rest = {name: value for name, value in statement.items() if name != "Resource"}
        left.append({**rest, "NotResource": list(carve_out.resources)})
    if carve_out.actions:
        kept = [one for one in statement["Action"] if one not in carve_out.actions]
        left.append({**statement, "Action": kept})
    sid = statement["Sid"]
    letters = "abcdefgh"[: len(left) - 1]
    named = zip(left[1:], letters, strict=True)
    return [left[0], *({**one, "Sid": f"{sid}{carve_out.ref}{letter}"} for one, letter in named)]


def _guard(carve_out: CarveOut) -> dict[str, Any]:
    """Return the Deny that leaves the tag to the platform."""
    return {
        "Sid": f"{carve_out.ref}Guard",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {
            "ForAnyValue:StringLike": {"aws:TagKeys": [carve_out.guarded]},
            "ArnNotLike": {
                _PRINCIPAL: [
                    "arn:aws:iam::*:role/platform/Deployer",
                    "arn:aws:iam::*:role/OrganizationAccountAccessRole",
                ]
            },
        },
    }


def _is_meant(statement: Mapping[str, Any], carve_out: CarveOut) -> bool:
    if statement["Effect"] != "Deny" or _TIME in _keys(statement):
        return False
    return not carve_out.sids or statement.get("Sid") in carve_out.sids


def _keys(statement: Mapping[str, Any]) -> set[str]:
    return {key for keys in statement.get("Condition", {}).values() for key in keys}


def _keys_of(statement: Mapping[str, Any], operator: str) -> set[str]:
    return set(statement.get("Condition", {}).get(operator, {}))


def _exempting(statement: dict[str, Any], carve_out: CarveOut) -> dict[str, Any]:
    return _with(statement, carve_out.operator, carve_out.key, carve_out.values)


def _with(
    statement: dict[str, Any], operator: str, key: str, values: tuple[str, ...]
) -> dict[str, Any]:
    """Return the statement with these among the values of the condition."""
    condition = {name: dict(keys) for name, keys in statement.get("Condition", {}).items()}
    keys = condition.setdefault(operator, {})
    before = keys.get(key, [])
    keys[key] = [*(before if isinstance(before, list) else [before]), *values]
    return {**statement, "Condition": condition}


def _ending(statement: Mapping[str, Any], carve_out: CarveOut) -> dict[str, Any]:
    """Return the Deny that holds for the exempt from the day on which the exemption ends."""
    condition = {
        "ArnLike": {carve_out.key: list(carve_out.values)},
        "DateGreaterThanEquals": {_TIME: f"${{DAY:{carve_out.ends_on}}}T00:00:00Z"},
    }
    return {**statement, "Sid": f"{statement['Sid']}Ends", "Condition": condition}
