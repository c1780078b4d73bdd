"""What decides an invariant in one account, and from when on invariants count below OUs."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from invariants.models import Coverage, Invariant, Rollout
from inventory import access
from inventory.access import AnyUser
from inventory.models import Account


@dataclass(frozen=True, slots=True)
class Proof:
    """What decides an invariant in an account; `evidence` as invariants.evaluation.coverage.evidence says,
    with the account's id where it stands for it."""

    state: str
    reason: str
    evidence: dict[str, Any]
    since: datetime


def proof(user: AnyUser, invariant: Invariant, account: Account) -> Proof | None:
    """The proof for one account; None for who does not see the whole organisation, since it quotes what
    is attached anywhere above, and where nothing was evaluated. One query."""
    if not access.scope_of(user).everything:
        return None
    rows = Coverage.objects.visible_to(user).filter(invariant=invariant, account=account)
    row = rows.select_related("proof").first()
    if row is None:
        return None
    evidence = _named(row.proof.evidence, account.account_id)
    return Proof(row.state, row.proof.reason, evidence, row.since)


def _named(value: Any, account_id: str) -> Any:
    if isinstance(value, str):
        return value.replace("{account}", account_id)
    if isinstance(value, list):
        return [_named(one, account_id) for one in value]
    if isinstance(value, dict):
        return {key: _named(one, account_id) for key, one in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class RolloutLine:
    ou_id: str
    ou_label: str
    from_date: date
    by_name: str
    why: str


def rollouts(user: AnyUser, invariant: Invariant) -> tuple[RolloutLine, ...]:
    """From when on the invariant counts below OUs that the person sees as a whole. One query."""
    rows = Rollout.objects.visible_to(user).filter(invariant=invariant).select_related("ou")
    return tuple(
        RolloutLine(row.ou.ou_id, row.ou.label or row.ou.name, row.from_date, row.by_name, row.why)
        for row in rows.order_by("from_date", "ou__path")
    )
