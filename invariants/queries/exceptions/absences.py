"""Who is away and who stands in, for the person who asks."""

from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.auth.models import User
from django.db.models import Q

from invariants.models import ApproverAbsence
from invariants.policies.exceptions import tiers


@dataclass(frozen=True, slots=True)
class Absence:
    """`standing`: now, ahead or past; one that was ended early is past."""

    pk: int
    person: str
    delegate: str
    since: date
    until: date
    ended_at: datetime | None
    standing: str


@dataclass(frozen=True, slots=True)
class Absences:
    """`own` were said by the person, `standing_in` names them as the delegate, newest first. Only who
    approves something has approvals to leave."""

    own: tuple[Absence, ...]
    standing_in: tuple[Absence, ...]
    may_leave: bool


def absences(user: User, *, today: date, most: int = 20) -> Absences:
    """One query besides the person's rights."""
    involved = ApproverAbsence.objects.filter(Q(person_id=user.pk) | Q(delegate_id=user.pk))
    rows = list(involved.order_by("-since", "-pk")[: 2 * most])
    return Absences(
        own=tuple(_absence(row, today) for row in rows if row.person_id == user.pk)[:most],
        standing_in=tuple(
            _absence(row, today)
            for row in rows
            if row.delegate_id == user.pk and row.ended_at is None and row.until >= today
        ),
        may_leave=any(user.has_perm(right) for right in tiers.DELEGABLE),
    )


def _absence(row: ApproverAbsence, today: date) -> Absence:
    is_past = row.ended_at is not None or row.until < today
    standing = "past" if is_past else "now" if row.since <= today else "ahead"
    return Absence(
        row.pk, row.person_name, row.delegate_name, row.since, row.until, row.ended_at, standing
    )
