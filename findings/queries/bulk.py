"""Bulk changes of workflow: what one would touch, how it goes, and whether it can be undone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.db.models import Count, F, QuerySet

from findings.models import BulkAction, BulkItem, Feed, Finding

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# So many findings at once. At AWS's rate of BatchUpdateFindings that is about a minute of calls.
MAX_ITEMS: Final = 50_000
FAILURES_SHOWN: Final = 50
RECENT_SHOWN: Final = 20
_OVER: Final = frozenset(
    {BulkAction.State.COMPLETE, BulkAction.State.PARTIAL, BulkAction.State.FAILED}
)


@dataclass(frozen=True, slots=True)
class WorkflowChoice:
    """A Workflow.Status that people can set, and what AWS makes of it."""

    value: str
    label: str
    text: str


WORKFLOWS: Final = (
    WorkflowChoice(
        "NOTIFIED",
        "Notified",
        "Whoever owns the resource has been told. The finding stays open here.",
    ),
    WorkflowChoice(
        "RESOLVED",
        "Resolved",
        "Somebody says that it is fixed. While the control still fails the finding stays open here, "
        "and Security Hub sets it back to New when the control passes and then fails again.",
    ),
    WorkflowChoice(
        "SUPPRESSED",
        "Suppressed",
        "Security Hub leaves it out of its own scores, and never sets it back by itself. A "
        "suppression is no exception: the finding still counts as failed here.",
    ),
    WorkflowChoice("NEW", "New", "As it came: nobody has looked at it yet."),
)
_LABELS: Final = {choice.value: choice.label for choice in WORKFLOWS}


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen. `findings` counts no further than MAX_ITEMS + 1.

    `elsewhere` of them are not kept in Security Hub (imported files, IAM Access Analyzer), so there
    is no workflow to set; `by_workflow` is the rest, by label.
    """

    findings: int
    accounts: int
    elsewhere: int
    by_workflow: tuple[tuple[str, int], ...]

    @property
    def is_too_large(self) -> bool:
        return self.findings > MAX_ITEMS

    @property
    def writable(self) -> int:
        return self.findings - self.elsewhere


def selection(rows: "QuerySet[Finding]") -> Selection:
    """Counts the chosen findings. Two queries over at most MAX_ITEMS + 1 of them."""
    ids = rows.order_by().values("pk")[: MAX_ITEMS + 1]
    chosen = Finding.objects.filter(pk__in=ids).order_by()
    by_workflow: Counter[str] = Counter()
    elsewhere = 0
    for workflow, feed, number in chosen.values_list("workflow", "feed").annotate(n=Count("pk")):
        if feed == Feed.SECURITY_HUB:
            by_workflow[_LABELS.get(workflow, workflow or "none")] += number
        else:
            elsewhere += number
    accounts = chosen.aggregate(n=Count("account", distinct=True))["n"]
    total = elsewhere + by_workflow.total()
    return Selection(total, accounts, elsewhere, tuple(by_workflow.most_common()))


@dataclass(frozen=True, slots=True)
class Failure:
    """A finding that AWS did not take, and its message."""

    pk: int
    title: str
    account_name: str
    error: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A bulk action as its page shows it. `restorable`: findings that an undo would set back."""

    pk: int
    what: str
    state: str
    state_label: str
    note: str
    query: str
    total: int
    done: int
    failed: int
    error: str
    created_at: datetime
    finished_at: datetime | None
    failures: Sequence[Failure] = ()
    restorable: int = 0
    undone_by: int | None = None

    @property
    def is_over(self) -> bool:
        return self.state in _OVER

    @property
    def worked(self) -> int:
        return self.done + self.failed


def progress(user: "User", pk: int) -> Progress | None:
    """One of the person's own bulk actions; None if there is no such. Four queries at most."""
    action = BulkAction.objects.visible_to(user).select_related("undone").filter(pk=pk).first()
    if action is None:
        return None
    undone = getattr(action, "undone", None)
    is_done = action.state in _OVER and undone is None and action.undoes_id is None
    return _progress(
        action,
        failures=_failures(user, action) if action.failed else (),
        restorable=restorable(user, action).count() if is_done else 0,
        undone_by=undone.pk if undone else None,
    )


def recent(user: "User") -> tuple[Progress, ...]:
    """The person's newest bulk actions. One query."""
    newest = BulkAction.objects.visible_to(user).order_by("-pk")[:RECENT_SHOWN]
    return tuple(_progress(action) for action in newest)


def restorable(user: "User", action: BulkAction) -> "QuerySet[BulkItem]":
    """What an undo can set back: what AWS took, and nobody has changed since."""
    return BulkItem.objects.filter(
        action=action,
        state=BulkItem.State.DONE,
        finding__workflow=F("after"),
        finding__in=Finding.objects.visible_to(user),
    )


def _failures(user: "User", action: BulkAction) -> tuple[Failure, ...]:
    failed = BulkItem.objects.filter(
        action=action, state=BulkItem.State.FAILED, finding__in=Finding.objects.visible_to(user)
    )
    rows = failed.order_by("pk").values_list(
        "finding_id", "finding__title", "finding__account__name", "error"
    )
    return tuple(Failure(*row) for row in rows[:FAILURES_SHOWN])


def _progress(
    action: BulkAction,
    *,
    failures: Sequence[Failure] = (),
    restorable: int = 0,
    undone_by: int | None = None,
) -> Progress:
    return Progress(
        pk=action.pk,
        what=_LABELS.get(action.workflow, action.workflow) or "as before",
        state=action.state,
        state_label=action.get_state_display(),
        note=action.note,
        query=action.query,
        total=action.total,
        done=action.done,
        failed=action.failed,
        error=action.error,
        created_at=action.created_at,
        finished_at=action.finished_at,
        failures=failures,
        restorable=restorable,
        undone_by=undone_by,
    )
