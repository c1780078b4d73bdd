"""The picture of an organisation, from the database: as the last complete reading of AWS left it."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import Q

from invariants.evaluation.drift.records import Demand, Deployed, KeptEdit, Picture, Spot, Told
from invariants.models import (
    EffectivePolicyReading,
    ExceptionPolicyEdit,
    ExceptionRequest,
    Invariant,
)
from invariants.models.exceptions import ExceptionState as State
from inventory.models import Account, Organization, OrganizationalUnit, OrgPolicy, PolicyAttachment

_GRANTED: Final = (
    State.EMERGENCY,
    State.APPROVED,
    State.IMPLEMENTING,
    State.ACTIVE,
    State.EXPIRING,
)


def read(organization: Organization) -> Picture:
    """Everything that drift is found from; seven queries, and one more where exceptions last."""
    return Picture(
        root_id=organization.root_id,
        management_account_id=organization.management_account_id,
        enabled_types=frozenset(organization.enabled_policy_types),
        places=_places(organization),
        demands=_demands(organization),
        policies=_policies(organization),
        told=_told(organization),
        edits=_edits(organization),
    )


def gone(organization: Organization, types: Iterable[str]) -> tuple[Deployed, ...]:
    """Customer policies of these types that once were: what is missing may have been one of them."""
    rows = OrgPolicy.objects.filter(
        organization=organization, gone_at__isnull=False, is_aws_managed=False, type__in=set(types)
    )
    return tuple(_deployed(row, (), is_gone=True) for row in rows.order_by("pk"))


def _places(organization: Organization) -> dict[str, Spot]:
    places = {
        row["ou_id"]: Spot(
            id=row["ou_id"],
            name=row["name"],
            kind="OU" if row["parent__ou_id"] else "ROOT",
            parent_id=row["parent__ou_id"],
            role=row["role"] if row["parent__ou_id"] else "",
            label=row["label"],
            pk=row["pk"],
        )
        for row in OrganizationalUnit.objects.live()
        .filter(organization=organization)
        .values("pk", "ou_id", "name", "label", "role", "parent__ou_id")
    }
    accounts = Account.objects.live().filter(organization=organization)
    for row in accounts.values("pk", "account_id", "name", "state", "ou__ou_id"):
        places[row["account_id"]] = Spot(
            id=row["account_id"],
            name=row["name"],
            kind="ACCOUNT",
            parent_id=row["ou__ou_id"],
            state=row["state"],
            pk=row["pk"],
        )
    return places


def _demands(organization: Organization) -> tuple[Demand, ...]:
    rows = (
        Invariant.objects.live()
        .filter(organization=organization, version__isnull=False)
        .order_by("key")
        .values("pk", "key", "state", "type", "severity", "version__content", "version__source")
    )
    return tuple(_demand(row) for row in rows)


def _demand(row: Mapping[str, Any]) -> Demand:
    content = row["version__content"]
    return Demand(
        pk=row["pk"],
        key=row["key"],
        state=row["state"],
        type=row["type"],
        severity=row["severity"],
        policy=json.dumps(content["policy"], ensure_ascii=False),
        targets=content["targets"],
        settings=tuple((one["path"], one["value"]) for one in content.get("must_set") or ()),
        examples=tuple((row["version__source"] or {}).get("examples") or ()),
    )


def _policies(organization: Organization) -> tuple[Deployed, ...]:
    """With where each hangs, first attached first; of AWS's own nobody asks where."""
    hanging: dict[int, list[str]] = defaultdict(list)
    attached = PolicyAttachment.objects.filter(
        policy__organization=organization, policy__is_aws_managed=False, until=None
    )
    for policy_pk, target_id in attached.order_by("since", "pk").values_list(
        "policy_id", "target_id"
    ):
        hanging[policy_pk].append(target_id)
    rows = OrgPolicy.objects.filter(organization=organization, gone_at=None).order_by("policy_id")
    return tuple(_deployed(row, tuple(hanging.get(row.pk, ()))) for row in rows)


def _deployed(row: OrgPolicy, attached: tuple[str, ...], *, is_gone: bool = False) -> Deployed:
    return Deployed(
        pk=row.pk,
        policy_id=row.policy_id,
        name=row.name,
        type=row.type,
        content=row.content or None,
        description=row.description,
        is_aws_managed=row.is_aws_managed,
        attached_to=attached,
        is_gone=is_gone,
    )


def _told(organization: Organization) -> dict[tuple[str, str], Told]:
    rows = EffectivePolicyReading.objects.filter(organization=organization)
    known = EffectivePolicyReading.State.KNOWN
    return {
        (row.policy_type, row.stack): Told(row.value if row.state == known else None, row.why)
        for row in rows
    }


def _edits(organization: Organization) -> tuple[KeptEdit, ...]:
    """Of exceptions that are in place, or that somebody puts in place; a renewal has the edits of those
    that it renews as well."""
    rows = ExceptionRequest.objects.filter(organization=organization, state__in=_GRANTED)
    lasting = rows.filter(Q(verified_at__isnull=False) | Q(implementer_id__isnull=False))
    refs = {
        pk: one.ref
        for one in lasting.select_related("renews").order_by("pk")
        for pk in (one.pk, one.renews_id, one.renews.renews_id if one.renews else None)
        if pk is not None
    }
    if not refs:
        return ()
    kept = ExceptionPolicyEdit.objects.filter(request__in=refs).exclude(content={})
    newest = {one.request_id: one for one in kept.order_by("pk")}
    return tuple(
        KeptEdit(
            refs[pk], edit["policy_id"], tuple(edit.get("pieces", ())), tuple(edit.get("marks", ()))
        )
        for pk, one in sorted(newest.items(), key=lambda pair: pair[1].pk)
        for edit in one.content.get("edits", ())
        if edit.get("policy_id")
    )
