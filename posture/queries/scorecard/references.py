"""What the scores of an OU are read against: its siblings, and the OUs of the organisation."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Aggregate, F, FloatField, Q

from inventory import access
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from posture import scoring
from posture.models import OuDay


class _Median(Aggregate):
    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True, slots=True)
class Reference:
    """Medians of scores on the same day; None: there is none to compare with, or it may not be seen.

    `siblings` are the other OUs below the same parent, `organization` all OUs but the root.
    """

    siblings: Decimal | None = None
    organization: Decimal | None = None


def references(user: AnyUser, ou: OrganizationalUnit, *, day: date) -> dict[str, Reference]:
    """By area, "" for the whole score. One query.

    Whoever does not see the parent as a whole learns nothing of the siblings; whoever does not see
    the organisation, nothing of its median.
    """
    scope = access.scope_of(user)
    siblings = Q(ou__parent=ou.parent_id) & ~Q(ou=ou.pk)
    is_beside = scope.everything or _parent_path(ou).startswith(scope.ou_paths or ("\0",))
    rows = (
        OuDay.objects.visible_to(user)
        .filter(day=day, managed_d__gt=0, ou__depth__gt=0)
        .exclude(ou__role=OrganizationalUnit.Role.SUSPENDED)
        .order_by()
        .values_list("area")
        .annotate(
            siblings=_Median(F("managed_n") * 100 / F("managed_d"), filter=siblings),
            organization=_Median(F("managed_n") * 100 / F("managed_d")),
        )
    )
    return {
        area: Reference(
            _shown(beside) if is_beside and not ou.is_root else None,
            _shown(whole) if scope.everything else None,
        )
        for area, beside, whole in rows
    }


def _parent_path(ou: OrganizationalUnit) -> str:
    return ou.path[: ou.path.rstrip("/").rfind("/") + 1]


def _shown(median: float | None) -> Decimal | None:
    return None if median is None else scoring.one_decimal(Decimal(repr(median)))
