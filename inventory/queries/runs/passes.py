"""The collections themselves: the one that runs, the last ones, and how fresh what we have is."""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Final

from django.db.models import Count, Q

from inventory import web
from inventory.access import AnyUser
from inventory.models import Collection, CollectionRun
from inventory.models.runs import RunState
from inventory.queries.runs.standing import PROBLEMS, UNFINISHED, newest, passes, visible
from inventory.web import Key, Page

HISTORY_SHOWN: Final = 20
_KEYS: Final = (Key("id", is_descending=True),)


@dataclass(frozen=True, slots=True)
class Progress:
    """A collection that runs now. `done` counts runs that have ended, whatever way."""

    collection_id: int
    stage: str
    requested_by: str
    started_at: datetime
    total: int
    done: int
    problems: int


@dataclass(frozen=True, slots=True)
class PastCollection:
    collection_id: int
    state: str
    state_label: str
    requested_by: str
    is_full: bool
    started_at: datetime
    finished_at: datetime | None
    seconds: int | None
    runs: int
    problems: int


@dataclass(frozen=True, slots=True)
class Freshness:
    """`finished_at` and `state` are of the newest ended collection; None and "" before the first.

    `problems`: (source label, state label, scopes) of what could not be read in full.
    """

    finished_at: datetime | None
    state: str
    is_running: bool
    problems: tuple[tuple[str, str, int], ...]

    @property
    def is_empty(self) -> bool:
        return self.finished_at is None


def freshness(user: AnyUser) -> Freshness:
    """How old what we have is, and what is missing from it. Two queries."""
    among = passes()
    ended = [(one.finished_at, one.state) for one in among if one.finished_at is not None]
    finished_at, state = max(ended, default=(None, ""))
    counted = (
        newest(user, among)
        .filter(state__in=PROBLEMS)
        .values("source", "state")
        .annotate(scopes=Count("pk"))
        .order_by("source", "state")
    )
    return Freshness(
        finished_at=finished_at,
        state=state,
        is_running=any(one.state == Collection.State.RUNNING for one in among),
        problems=tuple(
            (
                CollectionRun.Source(row["source"]).label,
                RunState(row["state"]).label,
                row["scopes"],
            )
            for row in counted
        ),
    )


def progress(user: AnyUser) -> Progress | None:
    """The running collection, None when there is none. Two queries."""
    running = Collection.objects.filter(state=Collection.State.RUNNING).first()
    if running is None:
        return None
    is_problem = reduce(or_, (Q(state=state) for state in PROBLEMS))
    counted = (
        visible(user)
        .filter(collection=running)
        .aggregate(
            total=Count("pk"),
            open=Count("pk", filter=Q(state__in=UNFINISHED)),
            problems=Count("pk", filter=is_problem),
        )
    )
    return Progress(
        collection_id=running.pk,
        stage=running.get_stage_display(),
        requested_by=running.requested_by,
        started_at=running.started_at,
        total=counted["total"],
        done=counted["total"] - counted["open"],
        problems=counted["problems"],
    )


def has_started_since(moment: datetime) -> bool:
    """Whether any collection has started after the moment. One query."""
    return Collection.objects.filter(started_at__gte=moment).exists()


def history(user: AnyUser) -> tuple[PastCollection, ...]:
    """The last collections, newest first. Two queries."""
    return collections(user, cursor_text="", size=HISTORY_SHOWN).rows


def collections(user: AnyUser, *, cursor_text: str, size: int) -> Page[PastCollection]:
    """One page of all collections, newest first. Two queries.

    Runs are counted that are about no single account, or about one that the person sees.
    """
    cursor = web.read_cursor(cursor_text, keys=_KEYS)
    page = web.keyset(Collection.objects.all(), keys=_KEYS, cursor=cursor, size=size)
    counted = (
        visible(user)
        .filter(collection__in=[one.pk for one in page.rows])
        .values("collection_id")
        .annotate(runs=Count("pk"), problems=Count("pk", filter=Q(state__in=PROBLEMS)))
        .order_by()
    )
    numbers = {row["collection_id"]: (row["runs"], row["problems"]) for row in counted}
    rows = tuple(_past(one, *numbers.get(one.pk, (0, 0))) for one in page.rows)
    return Page(rows, page.next_cursor, page.previous_cursor)


def _past(one: Collection, runs: int, problems: int) -> PastCollection:
    took = one.finished_at - one.started_at if one.finished_at else None
    return PastCollection(
        collection_id=one.pk,
        state=one.state,
        state_label=one.get_state_display(),
        requested_by=one.requested_by,
        is_full=one.is_full,
        started_at=one.started_at,
        finished_at=one.finished_at,
        seconds=round(took.total_seconds()) if took is not None else None,
        runs=runs,
        problems=problems,
    )
