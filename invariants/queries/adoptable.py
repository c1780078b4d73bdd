"""Policies in AWS that could become invariants."""

from dataclasses import dataclass

from django.db.models import QuerySet

from invariants.models import CoverageProof
from invariants.queries import words
from inventory import access
from inventory.access import AnyUser
from inventory.models import OrgPolicy, PolicyAttachment


@dataclass(frozen=True, slots=True)
class AdoptableRow:
    """A policy of the organisation; `serves` are keys of the invariants that it already serves."""

    policy_id: str
    name: str
    type: str
    targets: int
    is_readable: bool
    serves: tuple[str, ...]


def adoptable(user: AnyUser) -> tuple[AdoptableRow, ...]:
    """The organisation's own live policies, those that serve no invariant first; empty for who does not
    see the whole organisation (three queries)."""
    policies = list(_own(user).order_by("name", "pk"))
    served: dict[int, set[str]] = {}
    proofs = CoverageProof.objects.filter(policy__in=policies, invariant__gone_at=None)
    for pk, key in proofs.values_list("policy__pk", "invariant__key").distinct():
        served.setdefault(pk, set()).add(key)
    targets: dict[int, int] = {}
    open_now = PolicyAttachment.objects.filter(policy__in=policies, until=None)
    for pk in open_now.values_list("policy__pk", flat=True):
        targets[pk] = targets.get(pk, 0) + 1
    rows = [
        AdoptableRow(
            policy_id=policy.policy_id,
            name=policy.name,
            type=words.type_short(policy.type, _named(policy.type)),
            targets=targets.get(policy.pk, 0),
            is_readable=bool(policy.content),
            serves=tuple(sorted(served.get(policy.pk, ()))),
        )
        for policy in policies
    ]
    return tuple(sorted(rows, key=lambda row: bool(row.serves)))


def find(user: AnyUser, policy_id: str) -> OrgPolicy | None:
    """The policy of that id; None where there is none that the person may see, or it is AWS's own."""
    return _own(user).filter(policy_id=policy_id).order_by("pk").first()


def _own(user: AnyUser) -> QuerySet[OrgPolicy]:
    if not access.scope_of(user).everything:
        return OrgPolicy.objects.none()
    return OrgPolicy.objects.filter(is_aws_managed=False, gone_at=None)


def _named(policy_type: str) -> str:
    """AWS's own word as people write it: "Tag", "S3". The catalogue's names are not loaded in the web."""
    return policy_type.removesuffix("_POLICY").replace("_", " ").capitalize()
