"""The demo's people take their steps, each at its moment, with the clock between them.

Everything goes through the actions of invariants.actions.exceptions, under the guards of a click. What is
done already is not done again, so that an interrupted past goes on where it ended.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By
from invariants.models import ApproverAbsence, ExceptionRequest
from invariants.models.exceptions import Verb
from invariants.policies.exceptions import NotAllowed
from inventory.models import Organization
from posture.management.exceptions.acting import Desk
from posture.management.exceptions.story import PLAN, Asked, Away, Step, Story, tell

# What the steps of the story are called in the log.
_VERBS: Final[Mapping[str, Verb]] = {
    "submit": Verb.SUBMIT,
    "withdraw": Verb.WITHDRAW,
    "triage": Verb.TRIAGE,
    "assess": Verb.ASSESS,
    "approve": Verb.APPROVE,
    "grant": Verb.GRANT,
    "reject": Verb.REJECT,
    "request_changes": Verb.REQUEST_CHANGES,
    "implement": Verb.IMPLEMENT,
    "remove": Verb.REMOVE,
    "revoke": Verb.REVOKE,
    "comment": Verb.COMMENT,
    "attach": Verb.ATTACH,
    "finish": Verb.PROGRESS,
    "narrow": Verb.NARROW,
    "renew": Verb.RENEW,
}

_IN_THE_WAY: Final = (NotAllowed, PermissionDenied, ObjectDoesNotExist, LookupError)


@dataclass(frozen=True, slots=True)
class Played:
    """How many steps were taken, and which could not be (or should have been refused and were not)."""

    done: int
    missed: tuple[str, ...]


def play(
    organization: Organization, *, since: datetime, until: datetime, install_day: date
) -> Played:
    """Take all steps that are due by `until` and not done, in their order, and let the clock tick each
    morning after `since`. Without the demo's people, or the sandbox's story, nothing happens."""
    if not PLAN.is_file():
        return Played(0, ())
    story = tell(install_day)
    people = {user.username: user for user in User.objects.filter(profile__is_demo=True)}
    if not {one.by for one in story.requests} <= people.keys():
        return Played(0, ())
    return _Playing(organization, story, people).play(since, until)


@dataclass(frozen=True, slots=True)
class _Tick:
    at: datetime


@dataclass(frozen=True, slots=True)
class _Draft:
    at: datetime
    asked: Asked


@dataclass(frozen=True, slots=True)
class _Taken:
    at: datetime
    asked: Asked
    step: Step


@dataclass(frozen=True, slots=True)
class _Leave:
    at: datetime
    away: Away


_Due = _Tick | _Draft | _Taken | _Leave


class _Playing:
    """One stretch of the story."""

    def __init__(
        self, organization: Organization, story: Story, people: Mapping[str, User]
    ) -> None:
        self._organization = organization
        self._story = story
        self._desk = Desk(organization, people)

    def play(self, since: datetime, until: datetime) -> Played:
        done, missed = 0, []
        due = [one for one in (*self._due(since), *_ticks(since, until)) if one.at <= until]
        for one in sorted(due, key=lambda one: one.at):
            try:
                done += self._do(one)
            except _IN_THE_WAY as error:
                missed.append(f"{one.at:%Y-%m-%d} {_name(one)}: {error}")
        return Played(done, tuple(missed))

    def _at(self, moment: datetime, since: datetime) -> datetime:
        """What is of the install day comes right after the collection of that day, whatever its hour."""
        day = self._story.install_day
        if moment.date() < day:
            return moment
        return max(datetime.combine(day, time(0, 1), tzinfo=moment.tzinfo), since)

    def _due(self, since: datetime) -> Iterator[_Due]:
        """What is not done yet."""
        taken = self._taken()
        for asked in self._story.requests:
            if asked.ticket not in self._desk.refs:
                yield _Draft(self._at(asked.drafted_at, since), asked)
            left = taken.get(asked.ticket, Counter())
            waiting: list[Step] = []
            for step in asked.steps:
                verb = _VERBS[step.do]
                if not step.refused and left[verb] > 0:
                    left[verb] -= 1
                    # What came before this has been tried.
                    waiting.clear()
                else:
                    waiting.append(step)
            yield from (_Taken(self._at(step.at, since), asked, step) for step in waiting)
        for away in self._story.away:
            person = self._desk.people[away.by]
            if not ApproverAbsence.objects.filter(
                person_id=person.pk, said_at=away.said_at
            ).exists():
                yield _Leave(away.said_at, away)

    def _taken(self) -> dict[str, Counter[str]]:
        """How often people have done what, by ticket."""
        rows = ExceptionRequest.objects.filter(
            pk__in=self._desk.refs.values(), events__who_kind="PERSON"
        )
        found: dict[str, Counter[str]] = {}
        for ticket, verb in rows.values_list("ticket", "events__verb"):
            found.setdefault(ticket, Counter())[verb] += 1
        return found

    def _do(self, due: _Due) -> int:
        match due:
            case _Tick(at):
                actions.tick(self._organization, now=at)
                return 0
            case _Draft(at, asked):
                self._desk.draft(asked, now=at)
            case _Taken(at, asked, step):
                self._desk.take(asked, step, now=at)
            case _Leave(at, away):
                by = By(self._desk.people[away.by])
                delegate = self._desk.people[away.delegate]
                actions.leave(by, delegate, since=away.since, until=away.until, now=at)
        return 1


def _ticks(since: datetime, until: datetime) -> Iterator[_Tick]:
    day = since.date()
    while day <= until.date():
        at = datetime.combine(day, time(6), tzinfo=until.tzinfo)
        if since < at:
            yield _Tick(at)
        day += timedelta(days=1)


def _name(due: _Due) -> str:
    match due:
        case _Tick():
            return "tick"
        case _Draft(_, asked):
            return f"{asked.ticket} draft"
        case _Taken(_, asked, step):
            return f"{asked.ticket} {step.do} by {step.by}"
        case _Leave(_, away):
            return f"{away.by} leaves"
