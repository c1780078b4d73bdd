"""What has to be found in the demo organisation: from the plan of its policies, and the planted list.

Nothing here evaluates a policy. A pair of invariant and account is ENFORCED where a policy that is the
export of the invariant is attached above the account, and otherwise MISSING, but for what the planted
list says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from invariants.catalog import BOUNDARY, RCP, SCP, AccountRole, CarveOut, Invariant
from sandbox.model import Account, Snapshot
from sandbox.moments import WEEK, seconds_of, seconds_of_day
from sandbox.org import names, policies
from tests.invariants import attached

PLANTED: Mapping[str, Any] = yaml.safe_load((attached.DATA / "planted.yaml").read_text())
STATES: Mapping[str, Mapping[str, Any]] = yaml.safe_load(
    (attached.DATA / "lifecycle.yaml").read_text()
)["states"]
GROUPS = ("unreadable", "gaps", "broken", "changed", "exempt", "rolled_out", "served")

ROLES = {
    "security": AccountRole.SECURITY,
    "infrastructure": AccountRole.INFRASTRUCTURE,
    "workloads": AccountRole.WORKLOADS,
    "sandbox": AccountRole.SANDBOX,
    "onboarding": AccountRole.ONBOARDING,
    "nursery": AccountRole.NURSERY,
    "exceptions": AccountRole.EXCEPTIONS,
    "suspended": AccountRole.SUSPENDED,
    "policy-staging": AccountRole.POLICY_STAGING,
}
_OUS = {ou.key: ou for ou in names.TREE}


@dataclass(frozen=True)
class Expected:
    """What has to be found at the moment of a snapshot."""

    shot: Snapshot
    first: int = 0
    """When somebody looked first, in seconds since the anchor day."""

    @property
    def moment(self) -> int:
        """Seconds since the anchor day, as plans count."""
        return seconds_of(self.shot.now) - seconds_of_day(self.shot.org.anchor)

    def planted(self) -> Iterator[Mapping[str, Any]]:
        """What is planted and lasts at that moment."""
        for group in GROUPS:
            for item in PLANTED[group]:
                if self.lasts(item):
                    yield item

    def lasts(self, item: Mapping[str, Any]) -> bool:
        """Whether it is there at the moment, or was when somebody could still see it."""
        if "seen_before" in item and self.first >= item["seen_before"] * WEEK:
            return False
        since, until = item.get("since", -1000), item.get("until", 1000)
        return bool(since * WEEK <= self.moment < until * WEEK)

    def drift(self) -> set[tuple[str, str, str, str]]:
        """(kind, invariant, name of the policy, id of the target) of each drift; "" where it has none."""
        return {
            (
                one["kind"],
                one.get("invariant", ""),
                one.get("policy", ""),
                self.target_id(self.place_of(one)),
            )
            for item in self.planted()
            for one in item.get("drift", ())
            if self.lasts(one) and self.is_there(self.place_of(one))
        }

    def place_of(self, one: Mapping[str, Any]) -> str:
        """The name of its target; "" where a policy that nobody manages hangs on an account that is lacking."""
        name = str(one.get("target", ""))
        return "" if one["kind"] == "UNMANAGED" and not self.is_there(name) else name

    def is_there(self, name: str) -> bool:
        """Whether the organisation has that target: a small one lacks some accounts."""
        names = {"", "Root", *(ou.name for ou in self.shot.ous)}
        return name in names | {account.name for account in self.shot.accounts}

    def target_id(self, name: str) -> str:
        """Id of the root, an OU or an account; "" for ""."""
        ids = {"": "", "Root": self.shot.org.root_id}
        ids |= {ou.name: ou.ou_id for ou in self.shot.ous}
        ids |= {account.name: account.account_id for account in self.shot.accounts}
        return ids[name]

    def changed_by(self) -> dict[tuple[str, str], str]:
        """Person by (kind, invariant or policy)."""
        return {
            (one["kind"], one.get("invariant") or one["policy"]): one["by"]
            for item in self.planted()
            for one in item.get("drift", ())
            if "by" in one
        }

    def coverage(self) -> dict[tuple[str, str], str]:
        """State by (invariant, account id), of all but retired invariants."""
        return {
            (record.id, account.account_id): self.state(record, account)
            for record in attached.catalogue()
            if not record.retired
            for account in self.shot.accounts
        }

    def state(self, record: Invariant, account: Account) -> str:
        """The state of one pair."""
        way = self.way(account)
        if account.state != "ACTIVE":
            return "NOT_APPLICABLE"
        is_excepted = self.is_excepted(record, way)
        is_moved = is_excepted and role_of(way) is AccountRole.EXCEPTIONS
        if not (self.is_target(record, account, way) or is_moved):
            return "NOT_APPLICABLE"
        is_management = account.account_id == self.shot.org.management_account_id
        if is_management and record.type in (SCP, RCP):
            return "NOT_ENFORCEABLE"
        if record.type == BOUNDARY:
            return "UNKNOWN"
        said = self.said(record, account, way)
        if said and not (said["state"] == "MISSING" and is_excepted):
            return str(said["state"])
        if self.is_attached(record, account):
            return "ENFORCED"
        return "EXCEPTED" if is_excepted else "MISSING"

    def way(self, account: Account) -> list[str]:
        """Keys of the OUs above an account, nearest first."""
        keys = {ou.ou_id: one.key for ou, one in zip(self.shot.ous, names.TREE, strict=True)}
        key = keys.get(account.parent_id)
        found = []
        while key:
            found.append(key)
            key = _OUS[key].parent
        return found

    def is_target(self, record: Invariant, account: Account, way: list[str]) -> bool:
        targets = record.targets
        role = role_of(way)
        if role is AccountRole.SUSPENDED:
            return AccountRole.SUSPENDED in targets.ou_roles
        return (
            targets.root
            or role in targets.ou_roles
            or account.account_id in targets.accounts
            or bool({path_of(key) for key in way} & set(targets.ous))
        )

    def is_excepted(self, record: Invariant, way: list[str]) -> bool:
        """Whether the catalogue lets accounts of the OU be without it."""
        role = role_of(way)
        return any(
            exemption.carve_out in (CarveOut.ACCOUNT_MOVE, CarveOut.CHILD_POLICY)
            and not exemption.via.startswith("out of")
            and role is (_BY_NAME.get(exemption.via) or AccountRole.EXCEPTIONS)
            for exemption in record.exceptions
        )

    def said(self, record: Invariant, account: Account, way: list[str]) -> Mapping[str, Any] | None:
        """What the planted list says of the pair."""
        places = {f"account:{account.name}", "ou:", *(f"ou:{path_of(key)}" for key in way)}
        for item in self.planted():
            coverage = item.get("coverage", {})
            means = record.id in coverage.get("invariants", ()) or record.type in coverage.get(
                "types", ()
            )
            if means and places & set(coverage["places"]):
                return coverage  # type: ignore[no-any-return]
        return None

    def words(self) -> dict[tuple[str, str], str]:
        """Words of the reason, by (invariant, account id), of what is planted and in the state that it says."""
        found = {}
        states = self.coverage()
        for record in attached.catalogue():
            for account in self.shot.accounts:
                said = self.said(record, account, self.way(account))
                pair = (record.id, account.account_id)
                if said and states.get(pair) == said["state"]:
                    found[pair] = said["says"]
        return found

    def is_attached(self, record: Invariant, account: Account) -> bool:
        """Whether a policy that is the invariant's export is attached above the account."""
        return bool(self._serving.get(record.id, set()) & set(account.path.split("/")))

    @cached_property
    def _serving(self) -> dict[str, set[str]]:
        """Targets of the policies that are exports of an invariant, by its id."""
        targets = {policy.name: set(policy.target_ids) for policy in self.shot.policies}
        found: dict[str, set[str]] = {}
        for plan in policies.PLANS:
            for key in attached.EXPORTED.get(plan.key, ()):
                found.setdefault(key, set()).update(targets.get(plan.name, ()))
        return found


_BY_NAME = {
    "Sandbox OU": AccountRole.SANDBOX,
    "Exceptions OU": AccountRole.EXCEPTIONS,
    "Infrastructure OU": AccountRole.INFRASTRUCTURE,
}


def role_of(way: list[str]) -> AccountRole | None:
    """The role of the nearest OU that has one."""
    return next((ROLES[key] for key in way if key in ROLES), None)


def path_of(key: str) -> str:
    """Path of an OU from the root, by names."""
    ou = _OUS[key]
    return f"{path_of(ou.parent)}/{ou.name}" if ou.parent else ou.name
