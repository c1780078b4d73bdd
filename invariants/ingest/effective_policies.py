"""What AWS says is in force: asked of one account for all with the same policies."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from invariants.models import EffectivePolicyReading
from inventory import aws
from inventory.models import Organization

State = EffectivePolicyReading.State
Read = Callable[[str, str], Mapping[str, Any]]
_WHY: Final = 600


@dataclass(frozen=True, slots=True)
class Question:
    """One stack of policies: its type, its digest (hex), and an account that has it."""

    policy_type: str
    stack: str
    account_id: str


def to_ask(
    organization: Organization, questions: Iterable[Question], *, fresh_since: datetime
) -> list[Question]:
    """Those without an answer since then; answers for stacks that are no more are forgotten."""
    wanted = {(one.policy_type, one.stack): one for one in questions}
    rows = EffectivePolicyReading.objects.filter(organization=organization)
    known = {(row.policy_type, row.stack): row for row in rows}
    rows.filter(pk__in=[row.pk for key, row in known.items() if key not in wanted]).delete()
    fresh = {
        key for key, row in known.items() if row.state == State.KNOWN and fresh_since < row.as_of
    }
    return [one for key, one in sorted(wanted.items()) if key not in fresh]


def store_answers(
    organization: Organization,
    questions: Iterable[Question],
    *,
    read: Read,
    as_of: datetime,
) -> tuple[int, tuple[aws.SourceError, ...]]:
    """Ask `read(policy type, account id)` and store each answer; what was not told is stored as that.

    Returns how many were told, and the errors. The first refusal is that of all of them.
    """
    problems: list[aws.SourceError] = []
    told = 0
    rows = []
    refusal: aws.SourceError | None = None
    for one in questions:
        error = refusal
        value: Mapping[str, Any] = {}
        if error is None:
            try:
                value = read(one.policy_type, one.account_id)
                told += 1
            except aws.SourceError as found:
                error = found
                problems.append(found)
                refusal = found if isinstance(found, aws.Denied) else None
        rows.append(_row(organization, one, value, error, as_of=as_of))
    EffectivePolicyReading.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["organization", "policy_type", "stack"],
        update_fields=["account_id", "state", "value", "why", "as_of"],
    )
    return told, tuple(problems)


def _row(
    organization: Organization,
    one: Question,
    value: Mapping[str, Any],
    error: aws.SourceError | None,
    *,
    as_of: datetime,
) -> EffectivePolicyReading:
    state = State.KNOWN
    if error is not None:
        state = State.DENIED if isinstance(error, aws.Denied) else State.UNAVAILABLE
    return EffectivePolicyReading(
        organization=organization,
        policy_type=one.policy_type,
        stack=one.stack,
        account_id=one.account_id,
        state=state,
        value=dict(value),
        why=str(error or "")[:_WHY],
        as_of=as_of,
    )
