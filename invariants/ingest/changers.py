"""Who changed it: drift, and the calls of AWS Organizations that may have made it.

Events that came by the queue or in trail files are looked at first. What they do not tell is asked of
CloudTrail's event history, one question for each kind of call, whatever the number of rows. That nobody can
be named is no fault of anything: the row says why.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from invariants.models import Drift, OrgChangeEvent
from invariants.sources.organization_changes import KEPT, ChangeRecord
from inventory.aws import SourceError
from inventory.models import Organization

Ask = Callable[[str, datetime, datetime], Iterable[ChangeRecord]]
Kind = Drift.Kind

# An event shows up in the history within about 15 minutes; until then its absence says nothing.
DELAY: Final = timedelta(hours=1)
_CALLS: Final[dict[str, tuple[str, ...]]] = {
    Kind.CONTENT: ("UpdatePolicy", "CreatePolicy"),
    Kind.UNMANAGED: ("CreatePolicy", "UpdatePolicy", "AttachPolicy"),
    Kind.ATTACHMENT: ("AttachPolicy", "DetachPolicy"),
    Kind.MISSING_IN_AWS: ("DeletePolicy", "DetachPolicy"),
    Kind.TYPE_DISABLED: ("DisablePolicyType",),
    Kind.EFFECTIVE_VALUE: ("UpdatePolicy", "AttachPolicy", "CreatePolicy"),
}
_FIELDS: Final = ("changed_by", "changed_at", "event_id", "event_name", "who_note", "who_asked_at")
_TOO_OLD: Final = "CloudTrail keeps 90 days of events, and this was there before."
_NO_POLICY: Final = "It is not known which policy it was in, so no event can be told to be its own."


@dataclass(slots=True)
class _History:
    """CloudTrail's answers, each question asked once; `error` ends all asking."""

    ask: Ask
    since: datetime
    until: datetime
    error: SourceError | None = None
    answers: dict[str, tuple[ChangeRecord, ...]] = field(default_factory=dict)

    def of(self, name: str) -> tuple[ChangeRecord, ...]:
        if self.error is None and name not in self.answers:
            try:
                self.answers[name] = tuple(self.ask(name, self.since, self.until))
            except SourceError as error:
                self.error = error
        return self.answers.get(name, ())


def waiting(organization: Organization) -> Sequence[Drift]:
    """What lasts and of which nobody has asked yet who did it."""
    rows = Drift.objects.lasting().filter(organization=organization, who_asked_at=None)
    return list(rows.filter(changed_at=None).select_related("policy").order_by("pk"))


def name_changers(
    organization: Organization, rows: Sequence[Drift], *, ask: Ask, now: datetime
) -> int:
    """Name who changed each of `rows`, or why that is not known; returns how many have a name now."""
    recent = []
    for row in rows:
        if row.changed_since < now - KEPT:
            row.who_note, row.who_asked_at = _TOO_OLD, now
        elif row.policy is None and row.kind not in (Kind.TYPE_DISABLED,):
            row.who_note, row.who_asked_at = _NO_POLICY, now
        else:
            recent.append(row)
    if recent:
        oldest = max(min(_window(row, now)[0] for row in recent), now - KEPT)
        newest = min(max(_window(row, now)[1] for row in recent), now)
        history = _History(ask, oldest, newest)
        received = _received(organization, oldest, newest)
        for row in recent:
            _name(row, received, history, now=now)
    return sum(1 for row in rows if _write(row) and row.changed_at is not None)


def _write(row: Drift) -> int:
    """How many rows: none where it says something else by now, which somebody else may have done."""
    same = Drift.objects.filter(pk=row.pk, changed_since=row.changed_since, ended_at=None)
    return same.update(**{name: getattr(row, name) for name in _FIELDS})


def _name(
    row: Drift, received: Sequence[ChangeRecord], history: _History, *, now: datetime
) -> None:
    found = _latest(row, received, now=now)
    if found is None:
        told = [change for name in _CALLS[row.kind] for change in history.of(name)]
        found = _latest(row, told, now=now)
    if found is not None:
        row.changed_by, row.changed_at = found.by[:300], found.at
        row.event_id, row.event_name = found.event_id[:64], found.name[:64]
        row.who_note, row.who_asked_at = "", now
    elif history.error is not None:
        # It is asked again after the next collection.
        row.who_note = str(history.error)[:500]
    else:
        since, until = _window(row, now)
        row.who_note = (
            f"CloudTrail has no such event of {' or '.join(_CALLS[row.kind])} between "
            f"{since:%d %b %H:%M} and {until:%d %b %H:%M} UTC."
        )
        row.who_asked_at = now if now - row.changed_since > DELAY else None


def _window(row: Drift, now: datetime) -> tuple[datetime, datetime]:
    """From the last reading without it to the first with it, which took a while."""
    return row.absent_at or now - KEPT, row.changed_since + DELAY


def _latest(row: Drift, changes: Iterable[ChangeRecord], *, now: datetime) -> ChangeRecord | None:
    since, until = _window(row, now)
    mine = [one for one in changes if since <= one.at <= until and _is_of(row, one)]
    return max(mine, key=lambda one: (one.at, one.event_id), default=None)


def _is_of(row: Drift, change: ChangeRecord) -> bool:
    if row.kind == Kind.TYPE_DISABLED:
        return change.name == "DisablePolicyType" and change.policy_type == row.policy_type
    if row.policy is None or change.policy_id != row.policy.policy_id:
        return False
    if row.kind == Kind.ATTACHMENT:
        name = "AttachPolicy" if "detach" in row.restore else "DetachPolicy"
        return change.name == name and change.target_id == row.target_id
    return change.name in _CALLS[row.kind]


def _received(
    organization: Organization, since: datetime, until: datetime
) -> tuple[ChangeRecord, ...]:
    events = OrgChangeEvent.objects.filter(
        organization=organization, at__gte=since, at__lte=until + DELAY
    )
    return tuple(
        ChangeRecord(
            event_id=str(event.event_id),
            name=event.name,
            at=event.at,
            by=event.by_name or event.by_arn,
            by_arn=event.by_arn,
            policy_id=event.policy_id,
            target_id=event.target_id,
            policy_type=event.policy_type,
        )
        for event in events
    )
