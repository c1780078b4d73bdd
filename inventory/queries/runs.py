"""What was collected, when, and what could not be: the record behind "how fresh is this?"."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Subquery, Value, When

from inventory import access
from inventory.access import AnyUser
from inventory.models import Account, Collection, CollectionRun
from inventory.models.runs import RunState

SCOPES_SHOWN = 200
HISTORY_SHOWN = 20
# A collection of some sources only (the controls, say) runs between full ones.
_RECENT_COLLECTIONS = 4
# These are asked for seldom, some accounts in each collection: all of them within so much more time.
_SELDOM = (CollectionRun.Source.ACCOUNT_FACTS, CollectionRun.Source.SERVICE_COVERAGE)
_SELDOM_MARGIN = timedelta(hours=4)
_UNFINISHED = (RunState.PENDING, RunState.RUNNING)
# What leaves a hole in the data, worst first.
PROBLEMS = (RunState.DENIED, RunState.FAILED, RunState.PARTIAL, RunState.NOT_CONFIGURED)
_NEXT_STEPS = {
    RunState.PENDING: "A worker takes it next.",
    RunState.RUNNING: "It is being read now.",
    RunState.COMPLETE: "",
    RunState.PARTIAL: "The next collection reads the rest. What is missing keeps its last known state.",
    RunState.FAILED: "The next collection tries again. If it fails again, read the error.",
    RunState.NOT_CONFIGURED: "Turn the service on in this account and Region, or leave it: nothing is scored from it.",
}


@dataclass(frozen=True, slots=True)
class ScopeStatus:
    """The newest run of one source in one account and Region ("" is all of them)."""

    source: str
    source_label: str
    account_id: str
    account_name: str
    region: str
    state: str
    state_label: str
    finished_at: datetime | None
    counts: tuple[tuple[str, int], ...]
    error: str
    missing_permission: str
    next_step: str

    @property
    def is_problem(self) -> bool:
        return self.state in PROBLEMS


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How many scopes of a source are in which state; `problems` are what leaves a hole."""

    source: str
    label: str
    scopes: int
    complete: int
    denied: int
    problems: int


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


def _visible(user: AnyUser) -> "QuerySet[CollectionRun]":
    """Runs about no single account, and those about accounts that the person sees."""
    runs = CollectionRun.objects.all()
    if access.scope_of(user).everything:
        return runs
    mine = Account.objects.visible_to(user).values("account_id")
    return runs.filter(Q(account_id="") | Q(account_id__in=mine))


def _newest(user: AnyUser) -> "QuerySet[CollectionRun]":
    """The newest run of each scope: an ended one where there is one, since it says what we have. One query."""
    whole, seldom = _looked_at()
    newest = (
        _visible(user)
        .filter(Q(collection_id__in=whole) | Q(source__in=_SELDOM, collection_id__in=seldom))
        .annotate(
            is_unfinished=Case(
                When(state__in=_UNFINISHED, then=Value(1)),
                default=Value(0),
                output_field=IntegerField(),
            )
        )
        .order_by("source", "account_id", "region", "is_unfinished", "-pk")
        .distinct("source", "account_id", "region")
    )
    within = CollectionRun.objects.filter(collection_id__in={*whole, *seldom})
    return within.filter(pk__in=newest.values("pk"))


def _looked_at() -> tuple[list[int], list[int]]:
    """The collections whose runs count, and those that count for sources which are read seldom.

    As numbers, so that the database reads the runs of these alone.
    """
    now = Collection.objects.order_by("-pk").values("as_of")[:1]
    hold = timedelta(hours=settings.POSTURE_FACTS_EVERY_HOURS) + _SELDOM_MARGIN
    full = Collection.objects.filter(is_full=True).exclude(finished_at=None).order_by("-pk")
    found = dict(
        Collection.objects.filter(
            Q(as_of__gt=Subquery(now) - hold)
            | Q(pk__in=full.values("pk")[:1])
            | Q(pk__in=Collection.objects.order_by("-pk").values("pk")[:_RECENT_COLLECTIONS])
        )
        .annotate(is_last_full=Q(pk=Subquery(full.values("pk")[:1])))
        .values_list("pk", "is_last_full")
    )
    recent = sorted(found, reverse=True)
    last_full = [pk for pk, is_last_full in found.items() if is_last_full]
    return [*recent[:_RECENT_COLLECTIONS], *last_full], recent


def scopes(
    user: AnyUser, *, source: str = "", state: str = "", account_id: str = ""
) -> tuple[ScopeStatus, ...]:
    """The newest run of each scope: problems, the organisation, accounts; SCOPES_SHOWN at most. Three queries."""
    runs = _newest(user)
    if source:
        runs = runs.filter(source=source)
    if state:
        runs = runs.filter(state=state)
    if account_id:
        runs = runs.filter(account_id=account_id)
    worst_first = Case(
        *(When(state=name, then=Value(rank)) for rank, name in enumerate(PROBLEMS)),
        default=Value(len(PROBLEMS)),
    )
    shown = list(runs.order_by(worst_first, "account_id", "source", "region", "pk")[:SCOPES_SHOWN])
    ids = {run.account_id for run in shown}
    named = Account.objects.visible_to(user).filter(account_id__in=ids)
    names = dict(named.values_list("account_id", "name"))
    sees_all = access.scope_of(user).everything
    return tuple(_scope(run, names.get(run.account_id, ""), sees_all) for run in shown)


def _scope(run: CollectionRun, account_name: str, sees_all: bool) -> ScopeStatus:
    # The text of an error names roles and accounts: for those who see the whole organisation.
    is_open = sees_all or bool(run.account_id)
    return ScopeStatus(
        source=run.source,
        source_label=run.get_source_display(),
        account_id=run.account_id,
        account_name=account_name,
        region=run.region,
        state=run.state,
        state_label=run.get_state_display(),
        finished_at=run.finished_at,
        counts=_counts(run.counts) if is_open else (),
        error=run.error if is_open else "",
        missing_permission=run.missing_permission if is_open else "",
        next_step=_next_step(run),
    )


def _counts(counts: object) -> tuple[tuple[str, int], ...]:
    """What a run counted, without what it counted none of; one 0 where there is nothing else."""
    if not isinstance(counts, dict):
        return ()
    known = tuple(
        (str(name).replace("_", " "), count)
        for name, count in counts.items()
        if isinstance(count, int) and not isinstance(count, bool)
    )
    return tuple(pair for pair in known if pair[1]) or known[:1]


def _next_step(run: CollectionRun) -> str:
    if run.state != RunState.DENIED:
        return _NEXT_STEPS[RunState(run.state)]
    if run.missing_permission and run.missing_permission != "sts:AssumeRole":
        return f"Allow {run.missing_permission} in the read role of this account."
    return "Deploy the read role in this account, with the external id that the settings name."


def sources(user: AnyUser) -> tuple[SourceStatus, ...]:
    """One line per source, from the newest run of each of its scopes. Two queries."""
    states: dict[str, dict[str, int]] = {}
    counted = _newest(user).values("source", "state").annotate(scopes=Count("pk")).order_by()
    for row in counted:
        states.setdefault(row["source"], {})[row["state"]] = row["scopes"]
    return tuple(
        SourceStatus(
            source=source.value,
            label=source.label,
            scopes=sum(states[source].values()),
            complete=states[source].get(RunState.COMPLETE, 0),
            denied=states[source].get(RunState.DENIED, 0),
            problems=sum(states[source].get(state, 0) for state in PROBLEMS),
        )
        for source in CollectionRun.Source
        if source in states
    )


def freshness(user: AnyUser) -> Freshness:
    """How old what we have is, and what is missing from it. Four queries."""
    ended = Collection.objects.exclude(finished_at=None).order_by("-finished_at").first()
    counted = (
        _newest(user)
        .filter(state__in=PROBLEMS)
        .values("source", "state")
        .annotate(scopes=Count("pk"))
        .order_by("source", "state")
    )
    return Freshness(
        finished_at=ended.finished_at if ended else None,
        state=ended.state if ended else "",
        is_running=Collection.objects.filter(state=Collection.State.RUNNING).exists(),
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
        _visible(user)
        .filter(collection=running)
        .aggregate(
            total=Count("pk"),
            open=Count("pk", filter=Q(state__in=_UNFINISHED)),
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
    past = list(Collection.objects.order_by("-pk")[:HISTORY_SHOWN])
    counted = (
        _visible(user)
        .filter(collection__in=past)
        .values("collection_id")
        .annotate(runs=Count("pk"), problems=Count("pk", filter=Q(state__in=PROBLEMS)))
        .order_by()
    )
    numbers = {row["collection_id"]: (row["runs"], row["problems"]) for row in counted}
    return tuple(_past(one, *numbers.get(one.pk, (0, 0))) for one in past)


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
