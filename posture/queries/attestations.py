"""What is attested: the list, and for how many accounts each subject holds on a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet

from inventory import access, web
from inventory.access import AnyUser
from inventory.models import Account
from inventory.web import Key, Page
from posture.models import Attestation

ATTEST: Final = "posture.attest"
PAGE_SIZE: Final = 50
EXPIRING_DAYS: Final = 30
_KEYS: Final = (Key("recorded_at", is_descending=True), Key("pk", is_descending=True))


class State(StrEnum):
    VALID = "VALID"
    EXPIRING = "EXPIRING"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class AttestationLine:
    """One attestation; `about` is the account, the team or the whole organisation, for people."""

    pk: int
    subject: str
    subject_label: str
    about: str
    account_id: str  # AWS's; "" where it is about no single one
    team: str  # its slug
    statement: str
    evidence_url: str
    owner: str
    attested_on: date
    expires_on: date
    recorded_by: str
    recorded_at: datetime
    withdrawn_on: date | None
    withdrawn_by: str
    state: State
    days_left: int  # until it expires; 0 where it has
    can_withdraw: bool


@dataclass(frozen=True, slots=True)
class SubjectCoverage:
    """Of the ACTIVE accounts that the person sees: for how many the subject is attested on the day,
    and for how many of those only until within 30 days."""

    subject: str
    label: str
    accounts: int
    attested: int
    expiring: int


def attestations(
    user: AnyUser, *, day: date, subject: str = "", state: str = "", cursor_text: str = ""
) -> Page[AttestationLine]:
    """What the person may see, newest first; `subject` and `state` narrow it. Two queries at most."""
    rows: QuerySet[Attestation] = Attestation.objects.visible_to(user)
    if subject:
        rows = rows.filter(subject=subject)
    if state:
        rows = _in_state(rows, state, day=day)
    found = web.keyset(
        rows.select_related("account", "team"),
        keys=_KEYS,
        cursor=web.read_cursor(cursor_text, keys=_KEYS),
        size=PAGE_SIZE,
    )
    may = user.has_perm(ATTEST)
    everything = access.scope_of(user).everything
    lines = tuple(
        _line(row, day=day, may_withdraw=may and (everything or row.account_id is not None))
        for row in found.rows
    )
    return Page(lines, found.next_cursor, found.previous_cursor)


def coverage(user: AnyUser, *, day: date) -> tuple[SubjectCoverage, ...]:
    """Each subject, in the order of their list. Two queries.

    What is attested of the whole organisation holds for every account.
    """
    mine = Account.objects.visible_to(user).scored()
    accounts = list(mine.order_by("pk").values_list("pk", "team_id", "organization_id"))
    covered = _covered(accounts, day=day)
    return tuple(
        SubjectCoverage(subject, str(label), len(accounts), *covered.get(subject, (0, 0)))
        for subject, label in Attestation.Subject.choices
    )


def state_of(row: Attestation, *, day: date) -> State:
    if row.withdrawn_on is not None and row.withdrawn_on <= day:
        return State.WITHDRAWN
    if row.expires_on <= day:
        return State.EXPIRED
    is_near = row.expires_on <= day + timedelta(days=EXPIRING_DAYS)
    return State.EXPIRING if is_near else State.VALID


def _in_state(rows: QuerySet[Attestation], state: str, *, day: date) -> QuerySet[Attestation]:
    near = day + timedelta(days=EXPIRING_DAYS)
    gone = Q(withdrawn_on__lte=day)
    wanted = {
        State.WITHDRAWN: gone,
        State.EXPIRED: ~gone & Q(expires_on__lte=day),
        State.EXPIRING: ~gone & Q(expires_on__gt=day, expires_on__lte=near),
        State.VALID: ~gone & Q(expires_on__gt=near),
    }
    return rows.filter(wanted[State(state)]) if state in set(State) else rows.none()


_COVERED: Final = """
WITH mine AS (
    SELECT * FROM unnest(%(accounts)s::bigint[], %(teams)s::bigint[], %(organizations)s::bigint[])
        m (account_id, team_id, organization_id)
), valid AS (
    SELECT * FROM posture_attestation WHERE attested_on <= %(day)s AND expires_on > %(day)s
        AND (withdrawn_on IS NULL OR withdrawn_on > %(day)s)
), told AS (
    SELECT m.account_id, t.subject, t.expires_on FROM valid t JOIN mine m USING (account_id)
    UNION ALL
    SELECT m.account_id, t.subject, t.expires_on FROM valid t JOIN mine m USING (team_id)
    UNION ALL
    SELECT m.account_id, t.subject, t.expires_on FROM valid t JOIN mine m USING (organization_id)
    WHERE t.account_id IS NULL AND t.team_id IS NULL
), longest AS (
    SELECT account_id, subject, max(expires_on) AS expires_on FROM told GROUP BY 1, 2
)
SELECT subject, count(*), count(*) FILTER (WHERE expires_on <= %(near)s) FROM longest GROUP BY 1
"""


def _covered(
    accounts: Sequence[tuple[int, int | None, int]], *, day: date
) -> dict[str, tuple[int, int]]:
    values: dict[str, Any] = {
        "accounts": [account for account, _, _ in accounts],
        "teams": [team for _, team, _ in accounts],
        "organizations": [organization for _, _, organization in accounts],
        "day": day,
        "near": day + timedelta(days=EXPIRING_DAYS),
    }
    with connection.cursor() as cursor:
        cursor.execute(_COVERED, values)
        return {subject: (attested, expiring) for subject, attested, expiring in cursor.fetchall()}


def _line(row: Attestation, *, day: date, may_withdraw: bool) -> AttestationLine:
    state = state_of(row, day=day)
    return AttestationLine(
        pk=row.pk,
        subject=row.subject,
        subject_label=row.get_subject_display(),
        about=_about(row),
        account_id=row.account.account_id if row.account else "",
        team=row.team.slug if row.team else "",
        statement=row.statement,
        evidence_url=row.evidence_url,
        owner=row.owner,
        attested_on=row.attested_on,
        expires_on=row.expires_on,
        recorded_by=row.recorded_by,
        recorded_at=row.recorded_at,
        withdrawn_on=row.withdrawn_on,
        withdrawn_by=row.withdrawn_by,
        state=state,
        days_left=max((row.expires_on - day).days, 0),
        can_withdraw=may_withdraw and state in {State.VALID, State.EXPIRING},
    )


def _about(row: Attestation) -> str:
    if row.account is not None:
        return f"{row.account.name} ({row.account.account_id})"
    return f"All accounts of {row.team.name}" if row.team else "The whole organisation"
