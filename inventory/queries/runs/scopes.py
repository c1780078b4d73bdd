"""Every source in every account and Region: what its newest run says, and what to do next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Case, Count, IntegerField, Value, When

from inventory import access, web
from inventory.access import AnyUser
from inventory.models import Account, CollectionRun
from inventory.models.runs import RunState
from inventory.queries.runs.standing import PROBLEMS, newest, passes
from inventory.web import Key, Page

SCOPES_SHOWN: Final = 200
_KEYS: Final = tuple(Key(name) for name in ("rank", "account_id", "source", "region", "id"))
_NEXT_STEPS: Final = {
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


def scopes(
    user: AnyUser, *, source: str = "", state: str = "", account_id: str = ""
) -> tuple[ScopeStatus, ...]:
    """The newest run of each scope: problems, the organisation, accounts; SCOPES_SHOWN at most. Three queries."""
    page = scopes_page(
        user, source=source, state=state, account_id=account_id, cursor_text="", size=SCOPES_SHOWN
    )
    return page.rows


def scopes_page(
    user: AnyUser, *, source: str, state: str, account_id: str, cursor_text: str, size: int
) -> Page[ScopeStatus]:
    """One page of `scopes`. Three queries."""
    runs = newest(user, passes())
    if source:
        runs = runs.filter(source=source)
    if state:
        runs = runs.filter(state=state)
    if account_id:
        runs = runs.filter(account_id=account_id)
    worst_first = Case(
        *(When(state=name, then=Value(rank)) for rank, name in enumerate(PROBLEMS)),
        default=Value(len(PROBLEMS)),
        output_field=IntegerField(),
    )
    page = web.keyset(
        runs.annotate(rank=worst_first),
        keys=_KEYS,
        cursor=web.read_cursor(cursor_text, keys=_KEYS),
        size=size,
    )
    ids = {run.account_id for run in page.rows}
    named = Account.objects.visible_to(user).filter(account_id__in=ids)
    names = dict(named.values_list("account_id", "name"))
    sees_all = access.scope_of(user).everything
    rows = tuple(_scope(run, names.get(run.account_id, ""), sees_all) for run in page.rows)
    return Page(rows, page.next_cursor, page.previous_cursor)


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
    counted = (
        newest(user, passes()).values("source", "state").annotate(scopes=Count("pk")).order_by()
    )
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
