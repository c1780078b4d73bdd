"""Where an exception stands in AWS, in whatever form, as the last collection saw it.

Imports the engine: for `worked_out` alone.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import QuerySet

from invariants import carving
from invariants.models import CoverageProof, ExceptionRequest
from invariants.models.exceptions import Mechanism, ScopeKind
from invariants.policies.exceptions.fitting import Fit, fit
from invariants.queries.exceptions.asked import asked
from inventory.models import OrganizationalUnit, Placement


def proofs(request: ExceptionRequest, account_ids: Collection[str]) -> QuerySet[CoverageProof]:
    """What proves the state of its invariant in these accounts."""
    return CoverageProof.objects.filter(
        invariant=request.invariant,
        coverage__invariant=request.invariant,
        coverage__account__account_id__in=account_ids,
    ).distinct()


def sighted(request: ExceptionRequest, account_ids: Collection[str]) -> tuple[carving.Sighted, ...]:
    """The carve-outs of coverage that fit it, with accounts written out. Five queries at most."""
    wanted = asked(request.organization, [request])[request.pk]
    best: dict[tuple[str, int, str, str], Fit] = {}
    for evidence in proofs(request, account_ids).values_list("evidence", flat=True):
        for one in evidence.get("carve_outs", ()):
            if "statement" not in one or one.get("is_usual"):
                continue
            for account_id in sorted(account_ids):
                value = one["value"].replace("{account}", account_id)
                place = (one["policy_id"], one["statement"], one["key"], value)
                best[place] = max(best.get(place, Fit.NONE), fit(wanted, one, account_id))
    return tuple(
        carving.Sighted(*place, is_wider=how is Fit.WIDER)
        for place, how in best.items()
        if how is not Fit.NONE
    )


def served_with(
    invariants: QuerySet[Any, Any], serving: Mapping[str, Collection[int]]
) -> frozenset[int]:
    """Those of these invariants that the same statements serve in some account, by key. One query."""
    rows = CoverageProof.objects.filter(invariant__in=invariants)
    return frozenset(
        invariant_id
        for invariant_id, evidence in rows.values_list("invariant_id", "evidence")
        if any(number in serving.get(policy, ()) for policy, number in evidence.get("serves", ()))
    )


def moved_from(request: ExceptionRequest) -> str:
    """The id of the OU in which its account was last before those of exceptions; "" where that is not known."""
    if request.mechanism != Mechanism.EXCEPTIONS_OU:
        return ""
    accounts = request.scope.filter(kind=ScopeKind.ACCOUNT).values("account")
    rows = Placement.objects.filter(account__in=accounts, until__isnull=False, ou__gone_at=None)
    before = rows.exclude(ou__role=OrganizationalUnit.Role.EXCEPTIONS).order_by("-since")
    return before.values_list("ou__ou_id", flat=True).first() or ""
