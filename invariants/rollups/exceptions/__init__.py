"""What each collection writes down of exceptions: what each does, and how many stand how, by OU."""

from datetime import datetime

from invariants.rollups.exceptions import days, measures
from inventory.models import Organization


def write(organization: Organization, *, now: datetime) -> int:
    """Measure what holds, and count for the day of `now`; returns how many rows were written."""
    return measures.write(organization, now=now) + days.write(organization, now=now)


__all__ = ["write"]
