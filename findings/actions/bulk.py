"""Asking for a bulk change of workflow, and for its undo; findings.tasks.write_back works it off."""

from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Case, F, QuerySet, Value, When

from findings.models import BulkAction, Feed, Finding
from findings.queries import bulk

# The findings are fixed in the database; 50,000 of them never travel through Python.
_FIX: Final = """
INSERT INTO findings_bulkitem (finding_id, before, after, action_id, state, error)
SELECT chosen.*, %s, 'PENDING', '' FROM ({rows}) AS chosen LIMIT %s
"""


class NothingToDo(ValueError):
    """None of the chosen findings would change."""


class TooMany(ValueError):
    """More findings than one bulk action may have."""


class CannotUndo(ValueError):
    """The action still runs, was undone before, or its findings have changed since."""


@transaction.atomic
def request(
    user: User,
    rows: "QuerySet[Finding]",
    *,
    workflow: str,
    note: str,
    query: str,
    now: datetime,
) -> BulkAction:
    """A bulk action over those of the rows that are in Security Hub with another workflow.

    :param rows: of one organisation, visible to the user.
    :param query: the list that they were chosen from; "" for single findings.
    :raises NothingToDo: when no finding would change.
    :raises TooMany: for more than MAX_ITEMS findings.
    """
    chosen = rows.filter(feed=Feed.SECURITY_HUB).exclude(workflow=workflow).order_by()
    first = chosen.select_related("organization").first()
    if first is None:
        raise NothingToDo("None of these findings would change.")
    action = BulkAction.objects.create(
        organization=first.organization,
        requested_by=user,
        workflow=workflow,
        note=note,
        query=query,
        created_at=now,
    )
    return _with_items(action, chosen.values_list("pk", "workflow", Value(workflow)))


@transaction.atomic
def undo(user: User, pk: int, *, now: datetime) -> BulkAction:
    """A bulk action that gives each finding the workflow it had, where nobody has changed it since.

    :raises BulkAction.DoesNotExist: when the user has no such action.
    :raises CannotUndo: while it runs, after it was undone, or with nothing left to set back.
    """
    action = BulkAction.objects.visible_to(user).select_for_update().get(pk=pk)
    if action.finished_at is None:
        raise CannotUndo("It is still running. Undo it when it has ended.")
    if action.undoes_id or BulkAction.objects.filter(undoes=action).exists():
        raise CannotUndo("It has been undone already.")
    rows = bulk.restorable(user, action)
    if not rows.exists():
        raise CannotUndo("All of its findings have been changed since.")
    undoing = BulkAction.objects.create(
        organization=action.organization,
        requested_by=user,
        workflow="",
        note=f"Undoes bulk action {action.pk}.",
        query=action.query,
        undoes=action,
        created_at=now,
    )
    # A finding that came without a workflow is New to AWS.
    before = Case(When(before="", then=Value("NEW")), default=F("before"))
    return _with_items(undoing, rows.values_list("finding_id", F("after"), before))


def _with_items(action: BulkAction, rows: "QuerySet[Any, Any]") -> BulkAction:
    """Fixes (finding, before, after) as the items of the action."""
    sql, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_FIX.format(rows=sql), [action.pk, *params, bulk.MAX_ITEMS + 1])
        action.total = cursor.rowcount
    if action.total > bulk.MAX_ITEMS:
        raise TooMany(f"At most {bulk.MAX_ITEMS:,} findings can be changed at once.")
    action.save(update_fields=["total"])
    return action
