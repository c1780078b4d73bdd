"""One exception as the numbers look at it, read from the register and its log."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db.models import Max, Min, Q

from invariants.models import ExceptionEvent, ExceptionMeasure, ExceptionMilestone
from invariants.models.exceptions import ExceptionState, Mechanism, Verb
from invariants.models.exceptions.requests import ExceptionQuerySet
from invariants.queries.exceptions.totals import Standing, is_standing

_GRANTED: Final = (
    ExceptionState.EMERGENCY,
    ExceptionState.APPROVED,
    ExceptionState.IMPLEMENTING,
    ExceptionState.ACTIVE,
    ExceptionState.EXPIRING,
)


@dataclass(frozen=True, slots=True)
class Measure:
    """What the last collection found it to do; see ExceptionMeasure."""

    recorded_from: date | None = None
    used_on: date | None = None
    pairs: int | None = None
    findings_inside: int = 0
    is_compensated: bool | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """`ask` to `gone` are moments, None: not (yet). `risk`: the residual one, or the severity before that.

    `line_began_at`: when the first of its line of renewals was granted. `decided_at`: approved, granted
    or rejected for the first time. `asked_at`: submitted for the first time; `submitted_at` and
    `triaged_at`: for the last. `is_revoked`: somebody ended it before its time.
    """

    pk: int
    ref: str = ""
    title: str = ""
    invariant: str = ""
    invariant_key: str = ""
    reason: str = ""
    owner: str = ""
    risk: str = "LOW"
    state: str = ""
    standing: frozenset[str] = frozenset()
    is_emergency: bool = False
    is_by_policy: bool = True
    is_granted: bool = False
    is_in_place: bool = False
    is_revoked: bool = False
    renewal: int = 0
    until: date | None = None
    clocks_version: int = 1
    asked_at: datetime | None = None
    submitted_at: datetime | None = None
    triaged_at: datetime | None = None
    decided_at: datetime | None = None
    granted_at: datetime | None = None
    withdrawn_at: datetime | None = None
    ended_at: datetime | None = None
    gone_at: datetime | None = None
    line_began_at: datetime | None = None
    measure: Measure = Measure()

    @property
    def is_active(self) -> bool:
        return Standing.ACTIVE in self.standing


@dataclass(frozen=True, slots=True)
class Step:
    """A milestone of a granted exception."""

    due_on: date
    done_on: date | None


_COLUMNS: Final = (
    "pk",
    "number",
    "title",
    "invariant__key",
    "invariant__statement",
    "control__control_id",
    "reason",
    "business_owner",
    "severity",
    "residual_risk",
    "state",
    "is_emergency",
    "mechanism",
    "renewal",
    "renews_id",
    "until",
    "clocks_version",
    "triaged_at",
    "approved_at",
    "granted_at",
    "verified_at",
    "ended_at",
    "gone_seen_at",
)


def read(requests: ExceptionQuerySet, *, today: date) -> tuple[Life, ...]:
    """All that were ever asked for, by number. Three queries, and one of each past of a line."""
    asked = requests.exclude(state=ExceptionState.DRAFT)
    flags = {f"is_{code.name.lower()}": is_standing(code, today=today) for code in Standing}
    rows = list(asked.annotate(**flags).order_by("pk").values(*_COLUMNS, *flags))
    moments = _moments(asked)
    measures = _measures(asked)
    began = _beginnings(rows)
    return tuple(_life(row, moments, measures, began) for row in rows)


def milestones(requests: ExceptionQuerySet) -> tuple[Step, ...]:
    granted = requests.filter(Q(approved_at__isnull=False) | Q(granted_at__isnull=False))
    rows = ExceptionMilestone.objects.filter(request__in=granted).order_by("due_on", "pk")
    return tuple(Step(*row) for row in rows.values_list("due_on", "done_on"))


def _moments(requests: ExceptionQuerySet) -> dict[int, dict[str, Any]]:
    """From the log: the fields of a record keep the last of each alone."""
    granted = Q(verb=Verb.GRANT) | Q(verb=Verb.APPROVE, state_after=ExceptionState.APPROVED)
    events = ExceptionEvent.objects.filter(request__in=requests).order_by()
    rows = events.values("request_id").annotate(
        asked_at=Min("at", filter=Q(verb=Verb.SUBMIT)),
        submitted_at=Max("at", filter=Q(verb=Verb.SUBMIT)),
        revoked_at=Max("at", filter=Q(verb=Verb.REVOKE)),
        granted_first_at=Min("at", filter=granted),
        decided_at=Min("at", filter=granted | Q(verb=Verb.REJECT)),
        withdrawn_at=Max("at", filter=Q(verb=Verb.WITHDRAW)),
    )
    return {row["request_id"]: dict(row) for row in rows}


def _measures(requests: ExceptionQuerySet) -> dict[int, Measure]:
    rows = ExceptionMeasure.objects.filter(request__in=requests).order_by("pk")
    columns = ("recorded_from", "used_on", "pairs", "findings_inside", "is_compensated")
    return {pk: Measure(*values) for pk, *values in rows.values_list("pk", *columns)}


def _beginnings(rows: Iterable[dict[str, Any]]) -> dict[int, datetime]:
    """When the first of each line was granted, by every record of the line that was read.

    Who sees a renewal may not see the one before it: then the line begins with what they see.
    """
    began: dict[int, datetime] = {}
    for row in rows:  # by number: what is renewed comes before its renewal
        own = min((m for m in (row["approved_at"], row["granted_at"]) if m), default=None)
        first = began.get(row["renews_id"], own)
        if first is not None:
            began[row["pk"]] = first
    return began


def _life(
    row: dict[str, Any],
    moments: dict[int, dict[str, Any]],
    measures: dict[int, Measure],
    began: dict[int, datetime],
) -> Life:
    pk = row["pk"]
    told = moments.get(pk, {})
    is_by_policy = row["mechanism"] != Mechanism.NONE
    return Life(
        pk=pk,
        ref=f"EX-{row['number']:04d}",
        title=row["title"],
        invariant=row["invariant__statement"] or row["control__control_id"] or "",
        invariant_key=row["invariant__key"] or "",
        reason=row["reason"],
        owner=row["business_owner"],
        risk=row["residual_risk"] or row["severity"],
        state=row["state"],
        standing=frozenset(code.value for code in Standing if row[f"is_{code.name.lower()}"]),
        is_emergency=row["is_emergency"],
        is_by_policy=is_by_policy,
        is_granted=row["state"] in _GRANTED,
        is_in_place=row["verified_at"] is not None,
        is_revoked=told.get("revoked_at") is not None,
        renewal=row["renewal"],
        until=row["until"],
        clocks_version=row["clocks_version"],
        asked_at=told.get("asked_at"),
        submitted_at=told.get("submitted_at"),
        triaged_at=row["triaged_at"],
        decided_at=told.get("decided_at"),
        granted_at=told.get("granted_first_at"),
        withdrawn_at=told.get("withdrawn_at"),
        ended_at=row["ended_at"],
        gone_at=row["gone_seen_at"],
        line_began_at=began.get(pk),
        measure=measures.get(pk, Measure()),
    )
