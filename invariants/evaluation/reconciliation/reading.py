"""What a reconciliation looks at, from the tables: a dozen queries, whatever the number of exceptions."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from invariants.evaluation.coverage import read as coverage
from invariants.evaluation.coverage.world import PolicyText
from invariants.evaluation.reconciliation.records import (
    ASKED,
    ENDED,
    EXCEPTIONS,
    GRANTED,
    Case,
    Deployed,
    Picture,
    Place,
    Policy,
    Rule,
    Standing,
)
from invariants.models import (
    Coverage,
    CoverageProof,
    CoverageRun,
    ExceptionRequest,
    ExceptionScope,
    Invariant,
)
from invariants.models.exceptions import ExceptionTarget, ScopeKind
from invariants.policies.exceptions.fitting import Asked
from invariants.queries.exceptions import asked as exceptions
from invariants.queries.exceptions import moment_of
from inventory.models import Account, Organization, OrgPolicy

Matching = Callable[[Sequence[ExceptionRequest]], frozenset[int]]

_DEPLOYED: Final = """
SELECT i.key, p.evidence -> 'carve_outs', array_agg(a.account_id ORDER BY a.account_id)
FROM invariants_coverageproof p
JOIN invariants_invariant i ON i.id = p.invariant_id
JOIN invariants_coverage c ON c.proof_id = p.id
JOIN inventory_account a ON a.id = c.account_id
WHERE i.organization_id = %(organization)s AND i.gone_at IS NULL AND a.gone_at IS NULL
    AND p.state IN ('CARVED_OUT', 'BROKEN') AND p.evidence ? 'carve_outs'
GROUP BY p.id, i.key ORDER BY i.key, p.id
"""


_LET_OFF: Final = """
SELECT a.account_id, array_agg(i.key ORDER BY i.key)
FROM invariants_coverage c
JOIN invariants_invariant i ON i.id = c.invariant_id
JOIN inventory_account a ON a.id = c.account_id
JOIN inventory_organizationalunit o ON o.id = a.ou_id
WHERE i.organization_id = %(organization)s AND i.gone_at IS NULL AND a.gone_at IS NULL
    AND c.state = 'MISSING' AND o.role = %(role)s AND EXISTS (
        SELECT FROM invariants_coverage h
        JOIN inventory_account b ON b.id = h.account_id
        JOIN inventory_organizationalunit p ON p.id = b.ou_id
        WHERE h.invariant_id = c.invariant_id AND h.state IN ('ENFORCED', 'CARVED_OUT')
            AND b.gone_at IS NULL AND p.role <> %(role)s)
GROUP BY a.account_id
"""


def read(organization: Organization, *, matching: Matching, now: datetime) -> Picture:
    """The exceptions that are asked for or granted, or ended and not closed, and what is deployed.

    :param matching: which of the exceptions without a policy have any finding in their scope
    """
    freshness = _freshness(organization, now=now)
    rows = ExceptionRequest.objects.filter(
        organization=organization, state__in=[*GRANTED, *ENDED, *ASKED]
    )
    requests = list(rows.select_related("invariant", "control").order_by("pk"))
    asked = exceptions.asked(organization, requests)
    cases = _cases(organization, requests, asked)
    deployed = _deployed(organization) if freshness.is_whole else ()
    standings = _standings(organization, cases) if freshness.is_whole else {}
    let_off = _let_off(organization) if freshness.is_whole else {}
    has_any = bool(cases or deployed or let_off)
    return Picture(
        is_whole=freshness.is_whole,
        read_at=freshness.read_at,
        why=freshness.why,
        today=moment_of(organization, now).today,
        cases=cases,
        standings=standings,
        deployed=deployed,
        policies=_policies(organization, standings, deployed),
        places=_places(organization) if has_any else {},
        rules=_rules(organization) if has_any else {},
        matching=_matching(cases, matching),
        let_off=let_off,
    )


def _matching(cases: Iterable[Case], matching: Matching) -> frozenset[int]:
    granted = [one.request for one in cases if one.is_by_findings and one.is_granted]
    with transaction.atomic():
        return matching(granted)


def _freshness(organization: Organization, *, now: datetime) -> coverage.Freshness:
    """How the policies were last read; not whole either where coverage does not go by that reading."""
    found = coverage.freshness(organization, now=now)
    runs = CoverageRun.objects.filter(organization=organization)
    last = runs.order_by("-at", "-pk").first()
    if found.is_whole and (last is None or last.state != CoverageRun.State.COMPLETE):
        why = "Coverage was not worked out after the policies were last read."
        return replace(found, is_whole=False, why=why)
    return found


def _cases(
    organization: Organization, requests: list[ExceptionRequest], asked: Mapping[int, Asked]
) -> tuple[Case, ...]:
    without = [one.pk for one in requests if not asked[one.pk].mechanism]
    named = ExceptionScope.objects.filter(request__in=without, kind=ScopeKind.CONTROL)
    names_controls = set(named.values_list("request_id", flat=True)) if without else set()
    return tuple(
        Case(
            one,
            asked[one.pk],
            is_by_findings=not asked[one.pk].mechanism
            and (one.target_kind != ExceptionTarget.INVARIANT or one.pk in names_controls),
        )
        for one in requests
    )


def _deployed(organization: Organization) -> tuple[Deployed, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_DEPLOYED, {"organization": organization.pk})
        rows = cursor.fetchall()
    return tuple(
        Deployed(key, carve_out, tuple(accounts))
        for key, carve_outs, accounts in rows
        for carve_out in _parsed(carve_outs)
    )


def _let_off(organization: Organization) -> dict[str, tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_LET_OFF, {"organization": organization.pk, "role": EXCEPTIONS})
        return {account_id: tuple(keys) for account_id, keys in cursor.fetchall()}


def _parsed(carve_outs: Any) -> list[dict[str, Any]]:
    # Django's connections leave JSON as it comes, so that models can read it their own way.
    found: list[dict[str, Any]] = (
        json.loads(carve_outs) if isinstance(carve_outs, str) else carve_outs
    )
    return found


def _standings(
    organization: Organization, cases: Iterable[Case]
) -> dict[tuple[str, str], Standing]:
    """Of the invariants and accounts of exceptions alone; each proof is read once."""
    keys = {key for case in cases for key in case.asked.invariants}
    accounts = {account_id for case in cases for account_id in case.asked.accounts}
    if not keys or not accounts:
        return {}
    rows = Coverage.objects.filter(
        invariant__organization=organization,
        invariant__key__in=keys,
        account__account_id__in=accounts,
    ).values_list("invariant__key", "account__account_id", "state", "proof_id")
    found = list(rows)
    proofs = CoverageProof.objects.filter(pk__in={proof for *_, proof in found})
    evidence = dict(proofs.values_list("pk", "evidence"))
    return {
        (key, account_id): Standing(state, evidence[proof])
        for key, account_id, state, proof in found
    }


def _policies(
    organization: Organization,
    standings: Mapping[tuple[str, str], Standing],
    deployed: Iterable[Deployed],
) -> dict[str, Policy]:
    """The policies that carry something, or serve an invariant that has an exception."""
    ids = {one.carve_out.get("policy_id") for one in deployed}
    for evidence in {id(one.evidence): one.evidence for one in standings.values()}.values():
        ids |= {one.get("policy_id") for one in evidence.get("carve_outs", ())}
        ids |= {policy_id for policy_id, _ in evidence.get("serves", ())}
    ids.discard(None)
    if not ids:
        return {}
    rows = OrgPolicy.objects.filter(organization=organization, gone_at=None, policy_id__in=ids)
    return {
        one.policy_id: Policy(one.pk, one.name, one.type, one.content, _is_kept_by_aws(one))
        for one in rows
    }


def _is_kept_by_aws(policy: OrgPolicy) -> bool:
    text = PolicyText(
        policy.policy_id,
        policy.name,
        policy.type,
        policy.content,
        is_aws_managed=policy.is_aws_managed,
    )
    return text.is_kept_by_aws


def _places(organization: Organization) -> dict[str, Place]:
    rows = Account.objects.live().filter(organization=organization)
    columns = ("account_id", "pk", "ou__ou_id", "ou__role", "name", "ou__name", "state")
    return {
        account_id: Place(pk, ou_id, role, name, ou_name, state)
        for account_id, pk, ou_id, role, name, ou_name, state in rows.values_list(*columns)
    }


def _rules(organization: Organization) -> dict[str, Rule]:
    rows = Invariant.objects.filter(organization=organization, gone_at=None)
    return {
        key: Rule(pk, owner, severity)
        for key, pk, owner, severity in rows.values_list("key", "pk", "owner", "severity")
    }
