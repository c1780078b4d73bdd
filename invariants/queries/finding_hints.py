"""The invariants that would keep a finding from coming up, with how they stand in its account."""

from django.db.models import Case, FilteredRelation, IntegerField, Q, Value, When
from django.urls import reverse

from findings.models import Finding
from findings.queries.hints import Hint
from invariants.models import Coverage, Invariant
from invariants.models.violations import Stops
from inventory.access import AnyUser

_IN_FORCE = (Coverage.State.ENFORCED, Coverage.State.CARVED_OUT)
SHOWN = 4


def of_finding(user: AnyUser, finding: Finding) -> tuple[Hint, ...]:
    """What findings show beside it, in force in its account first; none where no invariant does.

    Whoever calls has made sure that the person sees the finding. One query, or two.
    """
    rows = (
        Invariant.objects.visible_to(user)
        .filter(
            gone_at=None,
            organization=finding.organization_id,
            controls__control_key=finding.control.control_id,
        )
        .annotate(
            here=FilteredRelation("coverage", condition=Q(coverage__account=finding.account_id))
        )
        .annotate(
            order=Case(
                When(here__state__in=_IN_FORCE, then=Value(0)),
                default=Value(1),
                output_field=IntegerField(),
            )
        )
        .order_by("order", "key")
        .values_list("key", "statement", "type_name", "controls__stops", "here__state")
    )
    return tuple(
        Hint(
            title=statement.rstrip("."),
            text=f"{type_name}: {_standing(state)}",
            url=reverse("invariants:detail", args=[key]),
            link_text=key,
            stops_finding=stops == Stops.FINDING,
        )
        for key, statement, type_name, stops, state in rows[:SHOWN]
    )


def _standing(state: str | None) -> str:
    if state is None:
        return "it is not worked out yet whether it holds in this account."
    return f"{Coverage.State(state).label} in this account."
