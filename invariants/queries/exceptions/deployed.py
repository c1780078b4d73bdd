"""Carve-outs that nobody approved, as the comparison of the register with AWS found them."""

from typing import TYPE_CHECKING

from invariants.models.exceptions.reconciliation import ExceptionMismatch, ReconciliationRun
from inventory.models import Organization

if TYPE_CHECKING:
    from inventory.access import AnyUser


def unapproved(organization: Organization) -> int | None:
    """In the whole organisation; None where the last comparison was not whole, or none was made."""
    if not is_compared(organization):
        return None
    rows = ExceptionMismatch.objects.lasting().filter(organization=organization)
    return rows.filter(kind=ExceptionMismatch.Kind.NOT_APPROVED).count()


def unapproved_seen(user: "AnyUser", organization: Organization) -> int | None:
    """As far as the person sees them."""
    if not is_compared(organization):
        return None
    rows = ExceptionMismatch.objects.visible_to(user).lasting().filter(organization=organization)
    return rows.filter(kind=ExceptionMismatch.Kind.NOT_APPROVED).count()


def is_compared(organization: Organization) -> bool:
    runs = ReconciliationRun.objects.filter(organization=organization).order_by("-at", "-pk")
    newest = runs.values_list("state", flat=True).first()
    return newest == ReconciliationRun.State.COMPLETE
