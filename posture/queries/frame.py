"""The one query behind the frame of every page, put into SQL once for all people who see and may the same.

What waits for somebody hangs on every right that they have. Django takes far longer to put that into
SQL than the database to answer, so the SQL is kept, with stand-ins for the person and the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from invariants.models import Invariant
from invariants.queries import drift
from invariants.queries.exceptions import waiting
from inventory import access
from inventory.access import AnyUser, Scope
from inventory.models import Account, Organization, OrganizationalUnit

# Nobody's primary key, and a moment at which nothing happened.
_SOMEBODY: Final = -2_147_483_629
_SOMETIME: Final = datetime(1903, 3, 3, 3, 33, 33, 333_333, tzinfo=UTC)
_COLUMNS: Final = ("name", "org_id", "accounts", "ous", "invariants", "open_drift", "to_decide")


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    parameters: tuple[Any, ...]

    def row(self, user: User, now: datetime) -> tuple[Any, ...] | None:
        known = {_SOMEBODY: user.pk, _SOMETIME: now}
        values: list[Any] = [
            known.get(one, one) if isinstance(one, int | date) else one for one in self.parameters
        ]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, values)
            found: tuple[Any, ...] | None = cursor.fetchone()
        return found


def counts(user: AnyUser, *, now: datetime) -> Mapping[str, Any]:
    """The organisation and what this person sees and has to do in it, by column; {} if there is none.

    One query, and those of the person's scope and rights.
    """
    if not isinstance(user, User):
        row = _rows(user, now).first()
        return dict(zip(_COLUMNS, row, strict=True)) if row else {}
    may_all = user.is_active and user.is_superuser
    rights = None if may_all else frozenset(user.get_all_permissions())
    found = _statement(access.scope_of(user), rights).row(user, now)
    return dict(zip(_COLUMNS, found, strict=True)) if found else {}


@lru_cache(maxsize=256)
def _statement(scope: Scope, rights: frozenset[str] | None) -> _Statement:
    """:param rights: as "app.codename"; None are all of them.

    :raises ValueError: when something in it is reckoned from the time here, and not by the database.
    """
    # As they are kept on every user once they are read.
    somebody = User(pk=_SOMEBODY, is_superuser=rights is None)
    somebody._scope = scope  # type: ignore[attr-defined]
    somebody._perm_cache = set(rights or ())  # type: ignore[attr-defined]
    sql, parameters = _rows(somebody, _SOMETIME)[:1].query.sql_with_params()
    for one in parameters:
        if isinstance(one, date) and one != _SOMETIME:
            raise ValueError(f"{one} would be the same on every day: let the database reckon it.")
    return _Statement(sql, tuple(parameters))


def _rows(user: AnyUser, now: datetime) -> "QuerySet[Organization, tuple[Any, ...]]":
    return (
        Organization.objects.order_by("pk")
        .annotate(
            accounts=_count(Account.objects.visible_to(user).live()),
            # The root is no OU to the people who count them.
            ous=_count(OrganizationalUnit.objects.visible_to(user).live().exclude(parent=None)),
            invariants=_count(Invariant.objects.visible_to(user).live()),
            open_drift=_count(drift.open_drift(user)),
            to_decide=_count(waiting.for_person(user, now=now))
            + _count(waiting.items_for(user, now=now)),
        )
        .values_list(*_COLUMNS)
    )


def _count(rows: "QuerySet[Any]") -> Coalesce:
    """Rows of the organisation, within the one query."""
    counted = (
        rows.filter(organization=OuterRef("pk"))
        .order_by()
        .values("organization")
        .annotate(rows=Count("pk"))
        .values("rows")
    )
    return Coalesce(Subquery(counted), 0, output_field=IntegerField())
