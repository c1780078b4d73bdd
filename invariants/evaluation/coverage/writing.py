"""Writes what an evaluation has changed: coverage, its days, its proofs, and the sums of OUs.

Set by set: what is written grows with what has changed, not with accounts times invariants.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import connection

from invariants.evaluation.coverage.evaluating import Decision, Evaluation
from invariants.evaluation.coverage.read import Freshness
from invariants.evaluation.coverage.world import World
from invariants.models.coverage import COUNTS

_STALE: Final = "The policies were last read as a whole too long ago to prove anything now."
_UNPROVEN: Final = (
    "It would hold by what is known, but the last reading of the organisation was not whole, so that "
    "nothing new is taken for proven."
)
_TABLES: Final = """
DROP TABLE IF EXISTS pg_temp.decided, pg_temp.members, pg_temp.doubted, pg_temp.covered, pg_temp.changed,
    pg_temp.turned;
CREATE TEMP TABLE decided (invariant_id bigint, grp int, state text, digest bytea) ON COMMIT DROP;
CREATE TEMP TABLE members (grp int, account_id bigint) ON COMMIT DROP;
CREATE TEMP TABLE doubted (invariant_id bigint, digest bytea) ON COMMIT DROP
"""
_PROOFS: Final = """
COPY invariants_coverageproof (invariant_id, digest, state, reason, policy_id, level, evidence) FROM STDIN
"""
# What holds by the world as it is read, before it is asked how well that was read.
_COVERED: Final = """
CREATE TEMP TABLE covered ON COMMIT DROP AS
SELECT d.invariant_id, m.account_id, d.state, p.id AS proof_id, c.id, c.state AS was,
    c.proof_id AS was_proof
FROM decided d
JOIN members m ON m.grp = d.grp
JOIN invariants_coverageproof p ON p.invariant_id = d.invariant_id AND p.digest = d.digest
LEFT JOIN invariants_coverage c ON c.invariant_id = d.invariant_id AND c.account_id = m.account_id
"""
# Nothing becomes better by a reading that was not whole. A pair that leaves the scope is better off as
# well, since it is no longer counted as missing; one that is new, or comes into scope, is not yet proven.
_DOUBT: Final = """
UPDATE covered c SET state = 'UNKNOWN', proof_id = p.id
FROM doubted d JOIN invariants_coverageproof p ON p.invariant_id = d.invariant_id AND p.digest = d.digest
WHERE c.invariant_id = d.invariant_id AND c.state IN ('ENFORCED', 'CARVED_OUT', 'EXCEPTED')
    AND (%(is_stale)s OR c.was IS NULL OR c.was IN ('NOT_APPLICABLE', 'NOT_ENFORCEABLE'));
UPDATE covered SET state = was, proof_id = was_proof
WHERE was IS NOT NULL AND state <> was AND (
    array_position(%(ranks)s, state) > array_position(%(ranks)s, was)
    OR state IN ('NOT_APPLICABLE', 'NOT_ENFORCEABLE'))
    AND NOT (%(is_stale)s AND state = 'UNKNOWN')
"""
_RANKS: Final = ["MISSING", "BROKEN", "UNKNOWN", "EXCEPTED", "CARVED_OUT", "ENFORCED"]
_CHANGED: Final = """
CREATE TEMP TABLE changed ON COMMIT DROP AS
SELECT invariant_id, account_id, state, proof_id, was FROM covered
WHERE (state, proof_id) IS DISTINCT FROM (was, was_proof)
UNION ALL
SELECT c.invariant_id, c.account_id, NULL, NULL, c.state
FROM invariants_coverage c JOIN invariants_invariant i ON i.id = c.invariant_id
WHERE i.organization_id = %(organization)s AND NOT EXISTS (
    SELECT FROM covered n WHERE n.invariant_id = c.invariant_id AND n.account_id = c.account_id)
"""
_WRITE: Final = """
DELETE FROM invariants_coverage c USING changed n
WHERE c.invariant_id = n.invariant_id AND c.account_id = n.account_id AND n.state IS NULL;
INSERT INTO invariants_coverage AS c (invariant_id, account_id, state, proof_id, since)
SELECT invariant_id, account_id, state, proof_id, %(now)s FROM changed WHERE state IS NOT NULL
ORDER BY invariant_id, account_id
ON CONFLICT (invariant_id, account_id) DO UPDATE SET state = excluded.state,
    proof_id = excluded.proof_id,
    since = CASE WHEN c.state = excluded.state THEN c.since ELSE excluded.since END
"""
# A day has the state at its end: one that began today is replaced, one from before is closed.
_DAYS: Final = """
CREATE TEMP TABLE turned ON COMMIT DROP AS
SELECT invariant_id, account_id, state FROM changed WHERE state IS DISTINCT FROM was;
DELETE FROM invariants_coverageday d USING turned t
WHERE d.invariant_id = t.invariant_id AND d.account_id = t.account_id AND d.until IS NULL
    AND d.day >= %(day)s;
UPDATE invariants_coverageday d SET until = NULL FROM turned t
WHERE d.invariant_id = t.invariant_id AND d.account_id = t.account_id AND d.until = %(day)s
    AND d.state = t.state;
UPDATE invariants_coverageday d SET until = %(day)s FROM turned t
WHERE d.invariant_id = t.invariant_id AND d.account_id = t.account_id AND d.until IS NULL
    AND d.day < %(day)s AND d.state IS DISTINCT FROM t.state;
INSERT INTO invariants_coverageday (invariant_id, account_id, day, until, state)
SELECT t.invariant_id, t.account_id, %(day)s, NULL, t.state FROM turned t
WHERE t.state IS NOT NULL AND NOT EXISTS (
    SELECT FROM invariants_coverageday d WHERE d.invariant_id = t.invariant_id
        AND d.account_id = t.account_id AND d.until IS NULL)
"""
_TURNED: Final = "SELECT DISTINCT invariant_id FROM changed WHERE state IS DISTINCT FROM was"
_ALL: Final = "SELECT id FROM invariants_invariant WHERE organization_id = %(organization)s"
_SUMS: Final = """
DROP TABLE IF EXISTS pg_temp.summed;
CREATE TEMP TABLE summed ON COMMIT DROP AS
SELECT c.invariant_id, a.id AS ou_id, {columns}
FROM invariants_coverage c
JOIN inventory_account x ON x.id = c.account_id
JOIN inventory_organizationalunit o ON o.id = x.ou_id
JOIN inventory_organizationalunit a
    ON a.organization_id = o.organization_id AND a.gone_at IS NULL AND starts_with(o.path, a.path)
WHERE c.invariant_id = ANY(%(invariants)s)
GROUP BY 1, 2;
DELETE FROM invariants_oucoverage c WHERE c.invariant_id = ANY(%(invariants)s) AND NOT EXISTS (
    SELECT FROM summed s WHERE s.invariant_id = c.invariant_id AND s.ou_id = c.ou_id);
INSERT INTO invariants_oucoverage AS c (invariant_id, ou_id, {names})
SELECT invariant_id, ou_id, {names} FROM summed ORDER BY invariant_id, ou_id
ON CONFLICT (invariant_id, ou_id) DO UPDATE SET {updates}
WHERE ({old}) IS DISTINCT FROM ({new})
"""
_NAMES: Final = tuple(COUNTS.values())
_SUM_STATEMENT: Final = _SUMS.format(
    columns=", ".join(
        f"(count(*) FILTER (WHERE c.state = '{state}'))::int AS {name}"
        for state, name in COUNTS.items()
    ),
    names=", ".join(_NAMES),
    updates=", ".join(f"{name} = excluded.{name}" for name in _NAMES),
    old=", ".join(f"c.{name}" for name in _NAMES),
    new=", ".join(f"excluded.{name}" for name in _NAMES),
)
_UNUSED: Final = """
DELETE FROM invariants_coverageproof p USING invariants_invariant i
WHERE i.id = p.invariant_id AND i.organization_id = %(organization)s
    AND NOT EXISTS (SELECT FROM invariants_coverage c WHERE c.proof_id = p.id)
"""


@dataclass(frozen=True, slots=True)
class Written:
    """Pairs whose state turned, and pairs that only have another proof."""

    turned: int
    proofs: int


@dataclass(frozen=True, slots=True)
class Keys:
    """The organisation's primary key, and those of its invariants and accounts by AWS's ids."""

    organization: int
    invariants: Mapping[str, int]
    accounts: Mapping[str, int]


def write(
    evaluation: Evaluation,
    world: World,
    keys: Keys,
    *,
    freshness: Freshness,
    sums_all: bool,
    now: datetime,
) -> Written:
    """Bring the tables to what was evaluated; `sums_all`: add up every OU, not only what has turned.

    Must be in a transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        _stage(cursor, evaluation, world, keys, freshness)
        cursor.execute(_COVERED)
        if not freshness.is_whole:
            cursor.execute(_DOUBT, {"is_stale": freshness.is_stale, "ranks": _RANKS})
        cursor.execute(_CHANGED, {"organization": keys.organization})
        cursor.execute("ANALYZE changed")
        cursor.execute(_WRITE, {"now": now})
        _write_days(cursor, now.date())
        cursor.execute("SELECT count(*) FROM turned")
        (turned,) = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM changed")
        (changed,) = cursor.fetchone()
        cursor.execute(_ALL if sums_all else _TURNED, {"organization": keys.organization})
        _sum(cursor, [row[0] for row in cursor.fetchall()])
        if changed:
            cursor.execute(_UNUSED, {"organization": keys.organization})
    return Written(turned, changed - turned)


def sum_ous(invariants: Iterable[int]) -> None:
    """Add up the OUs of these invariants anew."""
    with connection.cursor() as cursor:
        _sum(cursor, list(invariants))


def _sum(cursor: Any, invariants: list[int]) -> None:
    if invariants:
        cursor.execute(_SUM_STATEMENT, {"invariants": invariants})


def _write_days(cursor: Any, day: date) -> None:
    cursor.execute(_DAYS, {"day": day})


def _stage(
    cursor: Any, evaluation: Evaluation, world: World, keys: Keys, freshness: Freshness
) -> None:
    """Put decisions, members and new proofs where statements can join them."""
    proofs: dict[tuple[int, bytes], Decision] = {}
    with cursor.copy("COPY decided (invariant_id, grp, state, digest) FROM STDIN") as copy:
        for number, group in enumerate(evaluation.groups):
            for key, decision in group.decisions.items():
                invariant = keys.invariants[key]
                proofs.setdefault((invariant, decision.digest), decision)
                copy.write_row((invariant, number, decision.state, decision.digest))
    with cursor.copy("COPY members (grp, account_id) FROM STDIN") as copy:
        for number, group in enumerate(evaluation.groups):
            for account_id in group.accounts:
                copy.write_row((number, keys.accounts[account_id]))
    if not freshness.is_whole:
        _stage_doubts(cursor, keys, freshness, proofs)
    _add_proofs(cursor, world, keys, proofs)


def _stage_doubts(
    cursor: Any, keys: Keys, freshness: Freshness, proofs: dict[tuple[int, bytes], Decision]
) -> None:
    doubt = Decision("UNKNOWN", _STALE if freshness.is_stale else _UNPROVEN)
    with cursor.copy("COPY doubted (invariant_id, digest) FROM STDIN") as copy:
        for invariant in keys.invariants.values():
            proofs[invariant, doubt.digest] = doubt
            copy.write_row((invariant, doubt.digest))


def _add_proofs(
    cursor: Any, world: World, keys: Keys, proofs: Mapping[tuple[int, bytes], Decision]
) -> None:
    """Write the proofs that are not there yet."""
    cursor.execute(
        "SELECT invariant_id, digest FROM invariants_coverageproof WHERE invariant_id = ANY(%s)",
        [list(keys.invariants.values())],
    )
    known = {(invariant, bytes(digest)) for invariant, digest in cursor.fetchall()}
    with cursor.copy(_PROOFS) as copy:
        for invariant, digest in sorted(proofs.keys() - known):
            one = proofs[invariant, digest]
            policy = world.policies.get(one.policy_id or "")
            text = json.dumps(one.evidence, ensure_ascii=False)
            found = (one.state, one.reason, policy and policy.pk, one.level, text)
            copy.write_row((invariant, digest, *found))
