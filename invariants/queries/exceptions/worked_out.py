"""The edit that an exception needs, worked out from what is attached in AWS now.

Imports the catalogue and its engine, which takes a second: for actions and views that import this where
they need it. Some 30 ms for an organisation of 50 accounts; the tree and the policies are read whole.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import Q

from invariants import carving, catalog
from invariants.catalog import stored
from invariants.models import (
    CoverageProof,
    ExceptionPolicyEdit,
    ExceptionRequest,
    Invariant,
    InvariantVersion,
)
from invariants.models.exceptions import ExceptionState, Mechanism, ScopeKind
from invariants.queries.catalogue import newest_load, record_of
from invariants.queries.exceptions import in_place
from inventory.models import (
    Account,
    Organization,
    OrganizationalUnit,
    OrgPolicy,
    PolicyAttachment,
)

# Approved, and not taken out yet: what policies may carry.
_CARRIED: Final = [
    ExceptionState.EMERGENCY,
    ExceptionState.APPROVED,
    ExceptionState.IMPLEMENTING,
    ExceptionState.ACTIVE,
    ExceptionState.EXPIRING,
]
_RESOURCES: Final = (ScopeKind.RESOURCE, ScopeKind.PATTERN)


def work_out(request: ExceptionRequest, *, removal: bool, now: datetime) -> carving.Edit:
    """The edit that puts it in, or takes it out. Some fifteen queries.

    :raises carving.Unfit: where none can be made, with why and what helps.
    """
    asked = _asked(request, removal=removal, now=now)
    return carving.take_out(asked) if removal else carving.put_in(asked)


def _asked(request: ExceptionRequest, *, removal: bool, now: datetime) -> carving.Asked:
    if request.mechanism == Mechanism.NONE:
        raise carving.Unfit(
            "No policy is involved: only the count of findings changes.",
            "Nothing has to be edited.",
        )
    if request.invariant is None:
        names = ", ".join(_preventing(request)) or "the invariant whose policy stands in the way"
        raise carving.Unfit(
            "It is asked for a control, and says no invariant: which policy is to let it through is not "
            "known.",
            f"Ask for an exception from {names} instead, or edit the policy by hand.",
        )
    organization = request.organization
    version = InvariantVersion.objects.filter(invariant=request.invariant, replaced_at=None).first()
    load = newest_load(organization)
    if version is None or load is None:
        raise carving.Unfit(
            f"The text of {request.invariant.key} is not loaded.", "Load the catalogue first."
        )
    ground = _ground(organization)
    scope = _scope(request, ground, organization)
    line = _line(request)
    serving = _serving(request, scope, ground, removal=removal)
    return carving.Asked(
        ref=request.ref,
        way=carving.Way(request.mechanism),
        scope=scope,
        record=_local(record_of(version), load.parameters, organization, scope),
        serving=serving,
        ground=ground,
        parameters={name: tuple(values) for name, values in load.parameters.items()},
        now=now,
        others=tuple(_others(request, line, ground, serving)) if removal else (),
        kept=_kept(_first_alike(line)) if removal else carving.Kept(),
        renews=tuple(one.ref for one in line[1:]),
        sighted=in_place.sighted(request, scope.members) if removal else (),
    )


def _preventing(request: ExceptionRequest) -> list[str]:
    """The invariants that keep findings of its control from coming up."""
    if request.control is None:
        return []
    found = Invariant.objects.live().filter(
        organization=request.organization, controls__control_key=request.control.control_id
    )
    return list(found.order_by("key").values_list("key", flat=True).distinct()[:4])


def _local(
    record: catalog.Invariant,
    parameters: dict[str, list[str]],
    organization: Organization,
    scope: carving.Scope,
) -> catalog.Invariant:
    """The record with its probes about this organisation, not the example of the catalogue."""
    real = {
        "organization_id": organization.org_id,
        "management_account": organization.management_account_id,
    }
    if members := sorted(scope.members - {organization.management_account_id}):
        real["member_account"] = members[0]
    words = {
        parameters[name][0]: value
        for name, value in real.items()
        if parameters.get(name) and parameters[name][0] != value
    }
    return stored.reworded(record, words)


def _ground(organization: Organization) -> carving.Ground:
    """The live tree, its policies, and what is attached now. Four queries."""
    places: dict[str, carving.Place] = {}
    ous = OrganizationalUnit.objects.live().filter(organization=organization)
    for ou_id, name, parent, role, label in ous.values_list(
        "ou_id", "name", "parent__ou_id", "role", "label"
    ):
        kind = carving.OU if parent else carving.ROOT
        places[ou_id] = carving.Place(ou_id, name, kind, parent, role, label or name)
    accounts = Account.objects.live().filter(organization=organization).order_by("account_id")
    for account_id, name, ou_id in accounts.values_list("account_id", "name", "ou__ou_id"):
        label = f"{name} ({account_id})"
        places[account_id] = carving.Place(account_id, name, carving.ACCOUNT, ou_id, "", label)
    policies = OrgPolicy.objects.filter(organization=organization, gone_at=None)
    attached: dict[str, list[str]] = defaultdict(list)
    attachments = PolicyAttachment.objects.filter(
        policy__organization=organization, policy__gone_at=None, until=None
    )
    for policy_id, target in attachments.order_by("since", "pk").values_list(
        "policy__policy_id", "target_id"
    ):
        attached[target].append(policy_id)
    return carving.Ground(
        org_id=organization.org_id,
        management_account_id=organization.management_account_id,
        places=places,
        policies={policy.policy_id: _standing(policy) for policy in policies},
        attached={target: tuple(ids) for target, ids in attached.items()},
    )


def _standing(policy: OrgPolicy) -> carving.Standing:
    # Control Tower's controls: https://docs.aws.amazon.com/controltower/latest/controlreference/
    is_kept = policy.is_aws_managed or policy.name.startswith("aws-guardrails-")
    return carving.Standing(
        policy.policy_id, policy.name, policy.type, policy.content, policy.description, is_kept
    )


def _scope(
    request: ExceptionRequest, ground: carving.Ground, organization: Organization
) -> carving.Scope:
    lines: dict[str, list[str]] = defaultdict(list)
    for kind, value in request.scope.order_by("kind", "value").values_list("kind", "value"):
        lines[kind].append(value)
    ous = [one for one in lines[ScopeKind.OU] if one in ground.places]
    members = {one for one in lines[ScopeKind.ACCOUNT] if one in ground.places}
    members |= {one for one in ground.accounts() if {*ous} & {*ground.way(one)}}
    return carving.Scope(
        accounts=tuple(lines[ScopeKind.ACCOUNT]),
        ous=tuple("/".join((*ground.way(one), "")) for one in ous),
        members=frozenset(members),
        regions=tuple(lines[ScopeKind.REGION]),
        resources=tuple(value for kind in _RESOURCES for value in lines[kind]),
        tags=_pairs(lines[ScopeKind.TAG]),
        principals=tuple(lines[ScopeKind.PRINCIPAL]),
        actions=tuple(lines[ScopeKind.ACTION]),
        until=_until(request, organization),
        principal_tags=_pairs(lines[ScopeKind.PRINCIPAL_TAG]),
    )


def _pairs(tags: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(key, value) of each key=value."""
    parts = (value.partition("=") for value in tags)
    return tuple((key, value) for key, _, value in parts)


def _until(request: ExceptionRequest, organization: Organization) -> str:
    """The first moment after its last day, in UTC; "" where no end is named."""
    last = request.until or request.asked_until
    if last is None:
        return ""
    zone = ZoneInfo(organization.time_zone)
    ends = datetime.combine(last + timedelta(days=1), time(), tzinfo=zone)
    return ends.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


def _serving(
    request: ExceptionRequest, scope: carving.Scope, ground: carving.Ground, *, removal: bool
) -> dict[str, frozenset[int]]:
    """The statements that serve the invariant in the accounts, as the last collection proved."""
    proofs = in_place.proofs(request, scope.members)
    if removal and scope.is_accounts_alone:
        # No statement serves where an account as a whole is let off: those that do elsewhere, and reach it.
        proofs = CoverageProof.objects.filter(invariant=request.invariant)
    found: dict[str, set[int]] = defaultdict(set)
    for evidence in proofs.values_list("evidence", flat=True):
        for policy_id, number in evidence.get("serves", ()):
            found[policy_id].add(number)
    return {
        key: frozenset(numbers)
        for key, numbers in found.items()
        if key in ground.policies and (not removal or ground.reach(key) & scope.members)
    }


def _line(request: ExceptionRequest) -> list[ExceptionRequest]:
    """The request and those that it renews, the first one last."""
    found = [request]
    while found[-1].renews is not None:
        found.append(found[-1].renews)
    return found


def _first_alike(line: list[ExceptionRequest]) -> ExceptionRequest:
    """The one that was put in place: its renewals by the same mechanism changed nothing but a date."""
    return [one for one in line if one.mechanism == line[0].mechanism][-1]


def _others(
    request: ExceptionRequest,
    line: list[ExceptionRequest],
    ground: carving.Ground,
    serving: Mapping[str, frozenset[int]],
) -> list[carving.Neighbour]:
    """What else the policies carry of the same invariant, or of one that the same statements serve, and must
    keep."""
    carried = Q(state__in=_CARRIED) & ~Q(
        mechanism__in=[Mechanism.NONE, Mechanism.EXCEPTIONS_OU, Mechanism.CHILD_OVERRIDE]
    )
    rows = ExceptionRequest.objects.filter(carried, organization=request.organization)
    rows = rows.exclude(pk__in=[one.pk for one in line])
    alike = in_place.served_with(rows.values("invariant"), serving)
    rows = rows.filter(Q(invariant=request.invariant) | Q(invariant__in=alike))
    found = []
    for one in rows.order_by("approved_at", "pk"):
        scope = _scope(one, ground, request.organization)
        if one.mechanism != Mechanism.TIME_LIMIT:
            scope = carving.without_end(scope)
        way = carving.Way(one.mechanism)
        found.append(carving.Neighbour(one.ref, scope, _kept(one), way))
    return found


def _kept(request: ExceptionRequest) -> carving.Kept:
    """What was approved, of the first of its line: the others changed nothing, or a date alone."""
    rows = ExceptionPolicyEdit.objects.filter(request=request).exclude(content={})
    content = rows.order_by("-pk").values_list("content", flat=True).first() or {}
    pieces = {}
    for edit in content.get("edits", ()):
        if edit["policy_id"] and edit["pieces"]:
            grammar = catalog.grammar_of(edit["type"])
            read = (carving.piece_of(piece, grammar) for piece in edit["pieces"])
            pieces[edit["policy_id"]] = tuple(read)
    return carving.Kept(pieces, content.get("moved_from", "") or in_place.moved_from(request))
