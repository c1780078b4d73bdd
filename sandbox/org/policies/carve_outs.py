"""Exemptions that come into policies and go again: by pull requests that the pipeline merges, or by somebody's hand.

Most belong to an exception that people of the demo asked for (`sandbox/data/exceptions.yaml` tells that side); what has no
leave, or has lost it, is listed in `sandbox/data/planted.yaml`.
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
    CarveOut("network-edge", (role("event-streams-prod", "BrokerPeering"),), _day(-170.5)),
    CarveOut("deny-iam-users", (role("storefront-prod", "MailRelaySetup"),), _day(-136.5)),
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
    CarveOut("payments-boundary", (role("card-vault-prod", "KeyCompromise"),), _day(-71.05), _day(-46.4), sids=("KmsDeleteWho",)),
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
        more = []
        for place, statement in enumerate(statements):
            if _is_meant(statement, carve_out):
                statements[place] = _exempting(statement, carve_out)
                if carve_out.ends_on is not None:
                    more.append(_ending(statement, carve_out))
        statements += more
    return {**policy, "Statement": statements}


def _is_meant(statement: Mapping[str, Any], carve_out: CarveOut) -> bool:
    if statement["Effect"] != "Deny" or _TIME in _keys(statement):
        return False
    return not carve_out.sids or statement.get("Sid") in carve_out.sids


def _keys(statement: Mapping[str, Any]) -> set[str]:
    return {key for keys in statement.get("Condition", {}).values() for key in keys}


def _exempting(statement: Mapping[str, Any], carve_out: CarveOut) -> dict[str, Any]:
    condition = {operator: dict(keys) for operator, keys in statement.get("Condition", {}).items()}
    keys = condition.setdefault(carve_out.operator, {})
    before = keys.get(carve_out.key, [])
    keys[carve_out.key] = [*(before if isinstance(before, list) else [before]), *carve_out.values]
    return {**statement, "Condition": condition}


def _ending(statement: Mapping[str, Any], carve_out: CarveOut) -> dict[str, Any]:
    """Return the Deny that holds for the exempt from the day on which the exemption ends."""
    condition = {
        "ArnLike": {carve_out.key: list(carve_out.values)},
        "DateGreaterThanEquals": {_TIME: f"${{DAY:{carve_out.ends_on}}}T00:00:00Z"},
    }
    return {**statement, "Sid": f"{statement['Sid']}Ends", "Condition": condition}
