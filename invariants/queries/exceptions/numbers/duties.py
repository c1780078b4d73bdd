"""Records on which one person has two parts. Nothing of the guards is asked: they are what is checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection

# From wherever a part is written down: the record, the parts, the approvals, and the log.
_BREACHES: Final = """
WITH did AS (
    SELECT id AS request_id, requester_id AS person_id, 'REQUESTER' AS part
    FROM invariants_exceptionrequest
    UNION SELECT id, assessor_id, 'ASSESSOR' FROM invariants_exceptionrequest
    UNION SELECT id, implementer_id, 'IMPLEMENTER' FROM invariants_exceptionrequest
    UNION SELECT request_id, person_id, part FROM invariants_exceptionpart
    UNION SELECT request_id, person_id, 'APPROVER' FROM invariants_exceptionapproval
    UNION SELECT request_id, instead_of_id, 'APPROVER' FROM invariants_exceptionapproval
    UNION SELECT e.request_id, e.who_id::bigint, v.part FROM invariants_exceptionevent e
        JOIN (VALUES ('DRAFT', 'REQUESTER'), ('SUBMIT', 'REQUESTER'), ('ASSESS', 'ASSESSOR'),
            ('APPROVE', 'APPROVER'), ('GRANT', 'APPROVER'), ('IMPLEMENT', 'IMPLEMENTER')
        ) v (verb, part) ON v.verb = e.verb
        WHERE e.who_kind = 'PERSON'
), twice AS (
    SELECT request_id, person_id, array_agg(DISTINCT part ORDER BY part) AS parts FROM did
    WHERE person_id IS NOT NULL AND request_id = ANY(%(requests)s)
    GROUP BY request_id, person_id HAVING count(DISTINCT part) > 1
)
SELECT t.request_id, r.number, t.person_id, t.parts FROM twice t
JOIN invariants_exceptionrequest r ON r.id = t.request_id ORDER BY t.request_id, t.person_id
"""


@dataclass(frozen=True, slots=True)
class Breach:
    """A person with two or more parts on a record."""

    ref: str
    person_id: int
    parts: tuple[str, ...]


def breaches(requests: Sequence[int]) -> tuple[Breach, ...]:
    """Of these records, by key. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_BREACHES, {"requests": list(requests)})
        return tuple(
            Breach(f"EX-{number:04d}", person, tuple(parts))
            for _, number, person, parts in cursor.fetchall()
        )
