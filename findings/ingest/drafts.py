"""The values that a verdict writes, in the order of the columns in `statements`."""

from datetime import datetime, timedelta
from typing import Any, Final

from findings import clocks
from findings.ingest.verdicts import Verdict
from findings.models import Status

# Without a check for this long, PASSED is no longer known (posture.scoring has the same limit).
STALE_AFTER: Final = timedelta(hours=72)


def whole(verdict: Verdict, rules: clocks.Rules) -> tuple[Any, ...]:
    """The values of statements.COLUMNS."""
    copy, record = verdict.copy, verdict.copy.record
    due_at, rule, version = None, "", rules.version
    if verdict.opened_at:
        clock = rules.clock_of(
            severity=record.severity, is_public=record.is_public, weaknesses=copy.weaknesses
        )
        due_at = clocks.due_at(
            clock,
            opened_at=verdict.opened_at,
            fix_seen_at=verdict.fix_seen_at,
            clock_from=copy.clock_from,
        )
        rule = clock.rule
    return (
        record.finding_id,
        record.product_arn,
        record.product,
        verdict.feed,
        copy.account,
        record.region,
        copy.control,
        record.title,
        record.severity,
        verdict.status,
        record.compliance,
        verdict.workflow,
        record.record_state,
        record.resource_id,
        record.resource_type,
        record.resource_count,
        record.is_public,
        record.content_hash,
        record.first_observed_at,
        record.created_at,
        record.updated_at,
        verdict.observed_at,
        verdict.last_failed_at,
        verdict.last_passed_at,
        verdict.fix_seen_at,
        verdict.opened_at,
        due_at,
        rule,
        version,
        verdict.vanished_at,
        _history(verdict),
    )


def touched(verdict: Verdict) -> tuple[Any, ...]:
    return (
        verdict.copy.record.updated_at,
        verdict.feed,
        verdict.observed_at,
        verdict.last_failed_at,
        verdict.last_passed_at,
        verdict.fix_seen_at,
        _history(verdict),
    )


def late(verdict: Verdict) -> tuple[Any, ...]:
    stored = verdict.stored
    assert stored is not None
    return (
        verdict.feed,
        verdict.status,
        verdict.last_failed_at,
        verdict.last_passed_at,
        verdict.fix_seen_at,
        verdict.opened_at,
        # The clock of one that is open anew is set after this.
        None if verdict.is_recounted else stored.due_at,
        "" if verdict.is_recounted else stored.sla_rule,
        _history(verdict),
    )


def _history(verdict: Verdict) -> str:
    return "{" + ",".join(map(str, verdict.history)) + "}"


def was_stale(verdict: Verdict, *, as_of: datetime) -> bool:
    """Whether a PASSED that was too old to count has been checked again."""
    stored = verdict.stored
    return (
        stored is not None
        and verdict.status == Status.PASSED.value
        and stored.updated_at < as_of - STALE_AFTER
    )
