"""What stands in AWS around an exception: the tree, the policies, and what is attached where."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

ROOT, OU, ACCOUNT = "ROOT", "OU", "ACCOUNT"


@dataclass(frozen=True, slots=True)
class Place:
    """The root, an OU or an account. `role` is that of an OU; `label` is its way of names for people."""

    id: str
    name: str
    kind: str
    parent_id: str | None = None
    role: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A policy as it stands in AWS. `text` "": nobody could read it."""

    id: str
    name: str
    type: str
    text: str
    description: str = ""
    is_kept_by_aws: bool = False


@dataclass(frozen=True, slots=True)
class Sighted:
    """A value by which the last collection saw the exception pass, as the evidence of coverage has it.

    Statements count from 0; `key` is Action or Resource where names carry it (NotAction, NotResource).
    `is_wider`: more passes by it than was asked for.
    """

    policy_id: str
    statement: int
    key: str
    value: str
    is_wider: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """`attached` are ids of policies by the id of the target, in the order in which they were attached."""

    org_id: str
    management_account_id: str
    places: Mapping[str, Place] = field(default_factory=dict)
    policies: Mapping[str, Standing] = field(default_factory=dict)
    attached: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def way(self, place_id: str) -> tuple[str, ...]:
        """The ids from the root down to the place, itself included."""
        found: list[str] = []
        at: str | None = place_id
        while at is not None and at in self.places:
            found.append(at)
            at = self.places[at].parent_id
        return tuple(reversed(found))

    def path(self, account_id: str) -> str:
        """The place of an account as AWS's keys of paths have it: o-x/r-x/ou-x/."""
        return "/".join((self.org_id, *self.way(account_id)[:-1], ""))

    def accounts(self) -> Iterator[str]:
        return (one.id for one in self.places.values() if one.kind == ACCOUNT)

    def targets(self, policy_id: str) -> tuple[str, ...]:
        return tuple(target for target, ids in self.attached.items() if policy_id in ids)

    def reach(self, policy_id: str) -> frozenset[str]:
        """The accounts beneath its targets, but for the management account, which no policy reaches."""
        targets = frozenset(self.targets(policy_id))
        return frozenset(
            account_id
            for account_id in self.accounts()
            if account_id != self.management_account_id and targets & {*self.way(account_id)}
        )

    def of_type(self, place_id: str, policy_type: str) -> tuple[Standing, ...]:
        """What is attached to one place, of one type."""
        found = (self.policies.get(one) for one in self.attached.get(place_id, ()))
        return tuple(one for one in found if one is not None and one.type == policy_type)

    def with_role(self, role: str) -> tuple[Place, ...]:
        return tuple(one for one in self.places.values() if one.kind == OU and one.role == role)

    def names(self, ids: Collection[str]) -> str:
        """Places for people, in the order of the tree."""
        found = [
            self.places[one].label or self.places[one].name for one in ids if one in self.places
        ]
        return ", ".join(found)
