"""What drifts: the catalogue against what stands in AWS. Started by tasks, after each whole reading of AWS.

`matching` says which policy is the deployment of which invariants, `contents`, `attachments` and `values` find
the differences, `keeping` writes them down. All but `reading`, `keeping` and this module know no database.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from invariants.evaluation.drift import finding, keeping, reading
from invariants.evaluation.drift.records import Difference, Findings, Picture
from invariants.models import DriftRun
from inventory.models import Collection, CollectionRun, Organization

__all__ = [
    "Difference",
    "Findings",
    "Picture",
    "Result",
    "compare",
    "evaluate",
    "note_fault",
    "of_collection",
]


@dataclass(frozen=True, slots=True)
class Result:
    """`opened` and `ended` are keys of the rows that changed."""

    opened: tuple[int, ...] = ()
    ended: tuple[int, ...] = ()


def of_collection(
    organization: Organization, collection: Collection, *, now: datetime
) -> Result | None:
    """Compare where this collection has read which policies there are; else note why and change nothing.

    A PARTIAL reading of the organisation has stored all policies and attachments: what it lacks are tags
    of accounts, or texts of single policies, and what hangs on these is held (`keeping`). If it were left
    out, whoever can refuse the reading of one policy could stop all comparing. None where it was not to read them: the last whole reading stands.
    """
    run = collection.runs.filter(source=CollectionRun.Source.ORGANIZATIONS).first()
    if run is None or not run.is_full:
        return None
    if run.state in (CollectionRun.State.COMPLETE, CollectionRun.State.PARTIAL):
        return evaluate(organization, now=now)
    DriftRun.objects.create(
        organization=organization,
        at=now,
        state=DriftRun.State.SKIPPED,
        why=(run.error or f"The reading of AWS Organizations is {run.get_state_display()}.")[:600],
    )
    return Result()


def note_fault(organization: Organization, *, now: datetime) -> None:
    """Write down that a comparison broke off: it has changed nothing."""
    DriftRun.objects.create(
        organization=organization,
        at=now,
        state=DriftRun.State.SKIPPED,
        why="The comparison stopped by a fault of Parapet's own: the worker's log has the details.",
    )


def evaluate(organization: Organization, *, now: datetime) -> Result:
    """Compare the catalogue with what was last read of AWS, and write down what differs, as of `now`."""
    findings = compare(organization)
    kept = keeping.keep(organization, findings, now=now)
    kinds = Counter(one.kind for one in findings.differences)
    DriftRun.objects.create(
        organization=organization,
        at=now,
        state=DriftRun.State.COMPLETE,
        counts={
            "opened": len(kept.opened),
            "ended": len(kept.ended),
            "lasting": kept.lasting,
            "held": kept.held,
            "unreadable": sorted(findings.unreadable),
            "kinds": dict(kinds),
            "classes": dict(findings.recognised),
        },
    )
    return Result(kept.opened, kept.ended)


def compare(organization: Organization) -> Findings:
    """What differs in the last reading; nothing is written."""
    picture = reading.read(organization)
    types = {demand.type for demand in picture.demands if demand.is_active}
    return finding.find(picture, gone=reading.gone(organization, types))
