"""Differences as rows that live on: opened when first seen, kept while they last, ended when gone."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from invariants.evaluation.reconciliation import baselines, items
from invariants.evaluation.reconciliation.baselines import Change
from invariants.evaluation.reconciliation.items import Item
from invariants.evaluation.reconciliation.records import Case, Picture, Seen
from invariants.models import Coverage, ExceptionMismatch, ReconciliationRun
from invariants.models.exceptions import MismatchKind as Kind
from invariants.models.exceptions import MismatchOwner as Owner
from invariants.policies.exceptions import tiers
from invariants.policies.exceptions.fitting import OTHER_OU
from invariants.queries.exceptions import calendar_of
from inventory.models import Organization

_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('invariants.reconciliation'))"
_BATCH: Final = 500
_RUNS_KEPT: Final = 500
# What may differ from one collection to the next without being another difference.
_TOLD: Final = (
    "exception_id",
    "invariant_id",
    "account_id",
    "accounts",
    "policy_id",
    "policy_name",
    "mechanism",
    "condition_key",
    "value",
    "severity",
    "owner_part",
    "owner",
    "summary",
    "remedy",
    "due_at",
    "evidence",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of it: exceptions that are zombies since this collection, and what has to be looked at
    again; `opened` and `ended` count rows."""

    zombies: tuple[int, ...]
    changes: tuple[Change, ...]
    opened: int
    ended: int


@transaction.atomic
def keep(
    organization: Organization, picture: Picture, seen: Mapping[int, Seen], *, now: datetime
) -> Kept:
    """Write the differences of this moment down; a dozen statements, whatever their number.

    Where the policies were not read as a whole, what they carry stays as it was.
    """
    with connection.cursor() as cursor:
        # Not the organisation's row: who has a record in hand writes rows that refer to it, and would wait
        # for this, as this waits for their record.
        cursor.execute(_ONE_AT_A_TIME)
    changes = baselines.compare(organization.pk, picture, seen, now=now)
    tally = items.of_deployed(picture) if picture.is_whole else None
    found = {
        one.key: one
        for one in (
            *items.of_exceptions(picture, seen, now=now),
            *(tally.items if tally else ()),
            *_reviews(changes, picture),
        )
    }
    rows = ExceptionMismatch.objects.lasting().filter(organization=organization).order_by("pk")
    lasting = {row.key: row for row in rows.select_for_update(of=("self",))}
    found = _with_clocks(organization, found, lasting, now=now)
    ended = _ended(lasting, found, picture, seen)
    for row in ended:
        row.ended_at = now
    again = [_told(lasting[key], one, now) for key, one in found.items() if key in lasting]
    ExceptionMismatch.objects.bulk_update(ended, ["ended_at"], batch_size=_BATCH)
    ExceptionMismatch.objects.bulk_update(again, ["last_seen", *_TOLD], batch_size=_BATCH)
    opened = ExceptionMismatch.objects.bulk_create(
        [_new(organization, one, now) for key, one in sorted(found.items()) if key not in lasting],
        batch_size=_BATCH,
    )
    still = Counter(row.kind for row in (*lasting.values(), *opened) if row.ended_at is None)
    _record(organization, picture, tally, still, now=now)
    return Kept(
        zombies=tuple(row.exception_id or 0 for row in opened if row.kind == Kind.ZOMBIE),
        changes=changes,
        opened=len(opened),
        ended=len(ended),
    )


def _with_clocks(
    organization: Organization,
    found: Mapping[str, Item],
    lasting: Mapping[str, ExceptionMismatch],
    *,
    now: datetime,
) -> dict[str, Item]:
    """Each with the moment by which it has to be put right, which does not move while it lasts."""
    calendar = calendar_of(organization)
    return {
        key: replace(one, due_at=items.due_of(one, since=since, calendar=calendar))
        for key, one in found.items()
        for since in [lasting[key].first_seen if key in lasting else now]
    }


def note(organization: Organization, error: Exception, *, now: datetime) -> None:
    """Say that it failed: what was written before stays."""
    why = f"{type(error).__name__}: {error}".strip()[:1000]
    ReconciliationRun.objects.create(
        organization=organization, at=now, state=ReconciliationRun.State.FAILED, why=why
    )


def _reviews(changes: Iterable[Change], picture: Picture) -> Iterable[Item]:
    cases = {case.request.pk: case for case in picture.cases}
    for change in changes:
        case = cases[change.exception]
        yield Item(
            kind=Kind.RE_REVIEW,
            identity=(str(change.exception), change.cause),
            cause=change.cause,
            exception=change.exception,
            invariant=case.request.invariant_id,
            accounts=len(case.asked.accounts),
            mechanism=case.asked.mechanism,
            severity=case.request.residual_risk or case.request.severity,
            owner_part=Owner.APPROVER,
            owner=_approvers(case),
            summary=change.words,
            remedy="Look whether it is still right: say so, have it narrowed, or revoke it.",
            evidence=change.evidence,
        )


def _approvers(case: Case) -> str:
    seats = tiers.SEATS.get(case.request.residual_risk, ())
    return " and ".join(str(seat.label) for seat in seats) or "who approves it"


def _ended(
    lasting: Mapping[str, ExceptionMismatch],
    found: Mapping[str, Item],
    picture: Picture,
    seen: Mapping[int, Seen],
) -> list[ExceptionMismatch]:
    """What lasts no longer. What could not be told, or was not read, does; a re-review ends with its
    exception, or when somebody has looked."""
    granted = {case.request.pk for case in picture.cases if case.is_granted}
    absent = [row for key, row in lasting.items() if key not in found]
    untold = {pk for pk, sight in seen.items() if sight.is_found is None}
    doubtful = _doubtful(row for row in absent if row.kind == Kind.NOT_APPROVED)
    ended = []
    for row in absent:
        if row.kind == Kind.RE_REVIEW:
            is_over = row.exception_id not in granted
        elif row.kind == Kind.NOT_APPROVED:
            is_over = picture.is_whole and row.pk not in doubtful
        else:
            is_over = row.exception_id not in untold and _was_looked_at(row, picture, seen)
        if is_over:
            ended.append(row)
    return ended


def _was_looked_at(row: ExceptionMismatch, picture: Picture, seen: Mapping[int, Seen]) -> bool:
    """Its exception was looked at; or it is over, and there is nothing to look for."""
    pending = {case.request.pk for case in picture.cases}
    return row.exception_id in seen or row.exception_id not in pending


def _doubtful(rows: Iterable[ExceptionMismatch]) -> set[int]:
    """Carve-outs of which it is not known whether they are gone: where an invariant is unknown, or
    broken, its exemptions are not tried. One query."""
    found_rows = list(rows)
    by_row = {row.pk: row.evidence for row in found_rows}
    if not by_row:
        return set()
    # Of what an account is without because of its OU no exemption is tried.
    moved = {row.pk for row in found_rows if row.mechanism == OTHER_OU}
    keys = {key for one in by_row.values() for key in one.get("invariants", ())}
    accounts = {account_id for one in by_row.values() for account_id in one.get("accounts", ())}
    states = [Coverage.State.UNKNOWN, Coverage.State.BROKEN]
    found = set(
        Coverage.objects.filter(
            invariant__key__in=keys, account__account_id__in=accounts, state__in=states
        ).values_list("invariant__key", "account__account_id", "state")
    )
    return {
        pk
        for pk, one in by_row.items()
        if any(
            (key, account_id, state) in found
            for state in (states[:1] if pk in moved else states)
            for key in one.get("invariants", ())
            for account_id in one.get("accounts", ())
        )
    }


def _new(organization: Organization, one: Item, now: datetime) -> ExceptionMismatch:
    row = ExceptionMismatch(
        organization=organization, kind=one.kind, cause=one.cause, key=one.key, first_seen=now
    )
    return _told(row, one, now)


def _told(row: ExceptionMismatch, one: Item, now: datetime) -> ExceptionMismatch:
    values: dict[str, Any] = {
        "exception_id": one.exception,
        "invariant_id": one.invariant,
        "account_id": one.account,
        "policy_id": one.policy,
        "evidence": dict(one.evidence),
    }
    for name in _TOLD:
        setattr(row, name, values[name] if name in values else getattr(one, name))
    row.last_seen = now
    return row


def _record(
    organization: Organization,
    picture: Picture,
    tally: items.Tally | None,
    still: Mapping[str, int],
    *,
    now: datetime,
) -> None:
    runs = ReconciliationRun.objects.filter(organization=organization)
    old = runs.order_by("-pk").values_list("pk", flat=True)[_RUNS_KEPT : _RUNS_KEPT + 1]
    runs.filter(pk__lte=old[0] if old else 0).delete()
    counts = (
        {"carve_outs": tally.carve_outs, "approved": tally.approved}
        | {kind.value.lower(): still.get(kind, 0) for kind in Kind}
        if tally
        else {}
    )
    state = ReconciliationRun.State.COMPLETE if tally else ReconciliationRun.State.PARTIAL
    ReconciliationRun.objects.create(
        organization=organization, at=now, state=state, why=picture.why, counts=counts
    )
