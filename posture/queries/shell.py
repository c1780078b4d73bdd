"""The frame around every page: which organisation, how fresh, how much of it the person sees."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import F, Subquery

from inventory.access import AnyUser
from inventory.models import Collection
from posture.queries import frame

# So many collections may be missed before the data is called old.
_MISSED = 3


@dataclass(frozen=True, slots=True)
class Shell:
    """`sync_state` is ok, stale, failed or none; `synced_at` is the newest ended good collection.

    `open_findings` is None: a sum over all of them is too dear for every page.
    """

    organization_name: str
    org_id: str
    synced_at: datetime | None
    sync_state: str
    accounts: int
    ous: int
    invariants: int = 0
    open_drift: int = 0
    exceptions_to_decide: int = 0
    open_findings: int | None = None


def shell(user: AnyUser, *, now: datetime, every_minutes: int, name: str) -> Shell:
    """Two queries, and those of the person's scope and rights. `name` is shown before the first collection."""
    found = frame.counts(user, now=now)
    synced_at, state = _sync_state(now=now, every_minutes=every_minutes)
    return Shell(
        organization_name=found.get("name") or name or found.get("org_id", ""),
        org_id=found.get("org_id", ""),
        synced_at=synced_at,
        sync_state=state,
        accounts=found.get("accounts", 0),
        ous=found.get("ous", 0),
        invariants=found.get("invariants", 0),
        open_drift=found.get("open_drift", 0),
        exceptions_to_decide=found.get("to_decide", 0),
    )


def _sync_state(*, now: datetime, every_minutes: int) -> tuple[datetime | None, str]:
    """One query: the newest ended collections, the last of them first."""
    good = (Collection.State.COMPLETE, Collection.State.PARTIAL)
    newest_good = Collection.objects.filter(state__in=good).order_by("-finished_at")
    last = (
        Collection.objects.exclude(finished_at=None)
        .order_by(F("finished_at").desc(), "-pk")
        .annotate(good_at=Subquery(newest_good.values("finished_at")[:1]))
        .values_list("state", "good_at")
        .first()
    )
    if last is None:
        return None, "none"
    state, good_at = last
    if state == Collection.State.FAILED or good_at is None:
        return good_at, "failed"
    is_old = now - good_at > timedelta(minutes=_MISSED * every_minutes)
    return good_at, "stale" if is_old else "ok"


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A person to sign in as; the password is printed by `make run` and stands on no page."""

    username: str
    note: str
    password: str = ""


def demo_users() -> tuple[DemoUser, ...]:
    """The users of the demo, empty beside a real organisation. One query."""
    if not settings.POSTURE_DEMO:
        return ()
    users = User.objects.filter(is_active=True, groups__isnull=False, profile__is_demo=True)
    found = users.order_by("pk").values_list("username", "first_name", "last_name", "groups__name")
    return tuple(DemoUser(name, f"{role}: {first} {last}") for name, first, last, role in found)
