"""Who used the break-glass account lately, for those who are to know."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Max, Min

from inventory.access import AnyUser
from posture.models import BreakGlassUse
from posture.policies import roles

SHOWN_FOR: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Uses of one account since `signed_in_at`; `addresses` is where from, sorted.

    It is in use until its session would have ended by itself.
    """

    username: str
    addresses: tuple[str, ...]
    signed_in_at: datetime
    last_seen_at: datetime
    is_in_use: bool


def break_glass(user: AnyUser, *, now: datetime) -> tuple[BreakGlass, ...]:
    """The uses of the last 24 hours; one query, none for people who do not watch over people."""
    if not (user.has_perm(roles.MANAGE_PEOPLE) or user.has_perm(roles.READ_AUDIT)):
        return ()
    lately = BreakGlassUse.objects.filter(last_seen_at__gte=now - SHOWN_FOR)
    rows = lately.order_by("username", "address").values("username", "address")
    found: dict[str, list[tuple[str, datetime, datetime]]] = {}
    for row in rows.annotate(first=Min("signed_in_at"), last=Max("last_seen_at")):
        found.setdefault(row["username"], []).append((row["address"], row["first"], row["last"]))
    return tuple(
        BreakGlass(
            username=username,
            addresses=tuple(address for address, _, _ in uses),
            signed_in_at=min(first for _, first, _ in uses),
            last_seen_at=(last_seen_at := max(last for _, _, last in uses)),
            is_in_use=now - last_seen_at < timedelta(minutes=settings.POSTURE_SESSION_IDLE_MINUTES),
        )
        for username, uses in found.items()
    )
