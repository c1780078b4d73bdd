"""Whether what an exception was approved under is still so: place, policy, severity, failing value."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection

from invariants.evaluation.reconciliation import texts
from invariants.evaluation.reconciliation.records import Case, Picture, Seen
from invariants.models import ExceptionBaseline
from invariants.models.exceptions import MismatchCause as Cause
from invariants.models.exceptions import Risk
from invariants.policies.exceptions.fitting import OTHER_OU
from inventory.models import Placement

_SAMPLE: Final = 20
# By what a finding fails: parameters and reasons of Security Hub, details of its resources, and what
# IAM Access Analyzer found. Titles, moments and notes are no values.
_VALUE: Final = """
decode(md5(jsonb_build_array(
    p.payload #> '{Compliance,SecurityControlParameters}',
    p.payload #> '{Compliance,StatusReasons}',
    jsonb_path_query_array(p.payload, '$.Resources[*].Details'),
    p.payload #> '{compliance,control_parameters}', p.payload #> '{compliance,status_details}',
    p.payload -> 'principal', p.payload -> 'action', p.payload -> 'condition',
    p.payload -> 'findingDetails')::text), 'hex')
"""
_CHANGED_VALUES: Final = """
WITH now AS (
    SELECT v.id, v.exception_id, v.value AS was, f.content_hash, <value> AS value, f.finding_id
    FROM invariants_exceptionvalue v
    JOIN invariants_exceptionrequest r ON r.id = v.exception_id
    JOIN findings_finding f ON f.organization_id = r.organization_id AND f.key = v.finding_key
    JOIN findings_findingpayload p ON p.finding_id = f.id
    WHERE v.exception_id = ANY(%(exceptions)s) AND f.status = 'OPEN'
        AND f.content_hash <> v.content_hash
), written AS (
    UPDATE invariants_exceptionvalue v SET content_hash = n.content_hash, value = n.value
    FROM now n WHERE v.id = n.id
)
SELECT exception_id, finding_id FROM now WHERE was <> value ORDER BY exception_id, finding_id
""".replace("<value>", _VALUE)
_NEW_VALUES: Final = """
INSERT INTO invariants_exceptionvalue (exception_id, finding_key, content_hash, value)
SELECT x.exception_id, f.key, f.content_hash, <value>
FROM invariants_exceptedfinding x
JOIN findings_finding f ON f.id = x.finding_id
JOIN findings_findingpayload p ON p.finding_id = f.id
WHERE x.exception_id = ANY(%(exceptions)s) AND f.status = 'OPEN' AND NOT EXISTS (
    SELECT FROM invariants_exceptionvalue v
    WHERE v.exception_id = x.exception_id AND v.finding_key = f.key)
ORDER BY x.exception_id, f.key
ON CONFLICT DO NOTHING
""".replace("<value>", _VALUE)
_NO_VALUES: Final = """
DELETE FROM invariants_exceptionvalue v USING invariants_exceptionrequest r
WHERE r.id = v.exception_id AND r.organization_id = %(organization)s
    AND NOT v.exception_id = ANY(%(exceptions)s)
"""


@dataclass(frozen=True, slots=True)
class Change:
    """Why an exception has to be looked at again; `words` is a sentence for people."""

    exception: int
    cause: str
    words: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Moves:
    """Accounts that were in other places before, by AWS's ids."""

    moved: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.moved) + len(self.left) + len(self.joined)


def compare(
    organization: int, picture: Picture, seen: Mapping[int, Seen], *, now: datetime
) -> tuple[Change, ...]:
    """What is no longer as it was when it was last compared; what is now is kept for the next time.

    Must be in a transaction. Of what was not read nothing is kept, and nothing is said.
    """
    granted = [case for case in picture.cases if case.is_granted]
    pks = [case.request.pk for case in granted]
    kept = {one.exception_id: one for one in ExceptionBaseline.objects.filter(exception__in=pks)}
    moved_at = _moved_since(granted, kept)
    changes: list[Change] = []
    rows = []
    for case in granted:
        was, found = kept.get(case.request.pk), _now(case, picture, seen, now=now)
        if was is None:
            was = ExceptionBaseline(exception=case.request, severity=case.request.severity)
        changes += _changes(case, was, found, picture, moved_at)
        if not found.places:
            found.places = was.places
        if not found.carriers:
            found.carriers = was.carriers
        if _facts(was) != _facts(found) or case.request.pk not in kept:
            rows.append(found)
    ExceptionBaseline.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["exception"],
        update_fields=["taken_at", "places", "severity", "carriers"],
    )
    return (*changes, *_changed_values(organization, [c for c in granted if c.is_live], pks))


def _facts(one: ExceptionBaseline) -> tuple[object, ...]:
    return one.places, one.severity, one.carriers


def _now(
    case: Case, picture: Picture, seen: Mapping[int, Seen], *, now: datetime
) -> ExceptionBaseline:
    # Moving the account is what an OU of exceptions asks for: places count once it is there.
    counts = case.asked.mechanism != OTHER_OU or case.is_live
    places = {
        account_id: place.ou_id
        for account_id in sorted(case.asked.accounts)
        if (place := picture.places.get(account_id)) is not None
    }
    sight = seen.get(case.request.pk)
    return ExceptionBaseline(
        exception=case.request,
        taken_at=now,
        places=places if counts else {},
        severity=_severity(case),
        carriers=_carriers(sight, picture) if sight and sight.is_found else {},
    )


def _severity(case: Case) -> str:
    source = case.request.invariant or case.request.control
    found = source.severity if source is not None else ""
    return found if found in Risk.values else Risk.LOW.value


def _carriers(sight: Seen, picture: Picture) -> dict[str, list[str]]:
    """The statements that carry it, by policy."""
    found: dict[str, set[str]] = {}
    for one in sight.evidence.get("carve_outs", ()):
        policy_id = one.get("policy_id", "")
        digest = texts.rule_digest(
            picture.policies.get(policy_id), one.get("statement", 0), [one.get("key", "")]
        )
        if digest:
            found.setdefault(policy_id, set()).add(digest)
    return {policy_id: sorted(digests) for policy_id, digests in sorted(found.items())}


def _changes(
    case: Case,
    was: ExceptionBaseline,
    found: ExceptionBaseline,
    picture: Picture,
    moved: Mapping[int, frozenset[str]],
) -> Iterator[Change]:
    pk, ref = case.request.pk, case.request.ref
    if was.places and found.places:
        moves = _moves(was.places, found.places, picture, moved.get(pk, frozenset()))
        if moves.count:
            words = f"{_accounts(moves.count)} in or out of the scope of {ref} moved to another OU."
            told = {
                "moved": moves.moved[:_SAMPLE],
                "left": moves.left[:_SAMPLE],
                "joined": moves.joined[:_SAMPLE],
            }
            yield Change(pk, Cause.OU_MOVE, words, {name: v for name, v in told.items() if v})
    if was.severity and was.severity != found.severity:
        before, after = was.severity.lower(), found.severity.lower()
        words = (
            f"What {ref} is an exception from was of severity {before} and is of severity {after}."
        )
        yield Change(pk, Cause.SEVERITY, words, {"before": was.severity, "after": found.severity})
    other = [
        policy_id
        for policy_id, digests in found.carriers.items()
        if policy_id in was.carriers and was.carriers[policy_id] != digests
    ]
    if other:
        words = f"The rule of the policy that carries {ref} says something else than before."
        yield Change(pk, Cause.POLICY, words, {"policies": other[:_SAMPLE]})


def _moves(
    was: Mapping[str, str], now: Mapping[str, str], picture: Picture, known: frozenset[str]
) -> _Moves:
    """An account that is new in the organisation is no move, nor is one that is gone, nor one that the
    scope was narrowed to leave out."""
    return _Moves(
        moved=[one for one, ou_id in now.items() if was.get(one, ou_id) != ou_id],
        left=[
            one
            for one, ou_id in was.items()
            if one not in now and one in picture.places and picture.places[one].ou_id != ou_id
        ],
        joined=[one for one in now if one not in was and one in known],
    )


def _moved_since(
    granted: Sequence[Case], kept: Mapping[int, ExceptionBaseline]
) -> dict[int, frozenset[str]]:
    """Of accounts that are new in a scope, those that were elsewhere when it was last compared."""
    new: dict[int, set[str]] = {}
    for case in granted:
        was = kept.get(case.request.pk)
        if was is not None and was.places and (joined := case.asked.accounts - was.places.keys()):
            new[case.request.pk] = set(joined)
    if not new:
        return {}
    rows = Placement.objects.filter(
        account__organization=granted[0].request.organization_id,
        account__account_id__in={one for some in new.values() for one in some},
        until__isnull=False,
    )
    elsewhere = set(rows.values_list("account__account_id", flat=True))
    return {pk: frozenset(some & elsewhere) for pk, some in new.items()}


def _changed_values(
    organization: int, live: Iterable[Case], granted: Sequence[int]
) -> Iterator[Change]:
    refs = {case.request.pk: case.request.ref for case in live}
    bound: dict[str, Any] = {"organization": organization, "exceptions": list(refs)}
    with connection.cursor() as cursor:
        cursor.execute(_NO_VALUES, bound | {"exceptions": list(granted)})
        if not refs:
            return
        cursor.execute(_CHANGED_VALUES, bound)
        rows = cursor.fetchall()
        cursor.execute(_NEW_VALUES, bound)
    for pk, count in sorted(Counter(pk for pk, _ in rows).items()):
        noun = "finding" if count == 1 else "findings"
        verb = "fails" if count == 1 else "fail"
        words = f"{count} {noun} of the scope of {refs[pk]} {verb} by another value than before."
        named = [finding_id for one, finding_id in rows if one == pk]
        yield Change(pk, Cause.VALUE, words, {"findings": named[:_SAMPLE]})


def _accounts(count: int) -> str:
    return "1 account" if count == 1 else f"{count} accounts"
