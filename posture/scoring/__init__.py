"""The posture score: pure arithmetic over counts of resources.

A cell is one control in one account. Its pass rate is taken first and weighted by severity
second, so that five hundred containers cannot drown three public buckets. Numerators and
denominators simply add up: an OU's score is the sum of its accounts', never a mean of scores.

Provisional controls (the first 30 days), pseudo-controls and accounts that are not ACTIVE or
still in onboarding are left out by the caller: they never reach this module.
"""

from posture.scoring.aws_score import (
    AwsControlStatus,
    aws_control_status,
    aws_security_score,
)
from posture.scoring.buckets import (
    STALE_AFTER,
    Bucket,
    FindingFacts,
    Flag,
    Verdict,
    bucket,
)
from posture.scoring.cells import (
    SHARE_PLACES,
    WEIGHTS,
    CellState,
    Counts,
    Score,
    Sums,
    cell_state,
    managed,
    one_decimal,
    score,
)
from posture.scoring.changes import (
    Change,
    Part,
    Share,
    Split,
    as_registered,
    change,
    split,
)
from posture.scoring.grades import (
    CUTS,
    EXCEPTION_CAPS,
    FULL_COVERAGE,
    RATED_COVERAGE,
    GateInputs,
    Grade,
    Letter,
    grade,
    held,
    letter,
)

__all__ = [
    "CUTS",
    "EXCEPTION_CAPS",
    "FULL_COVERAGE",
    "RATED_COVERAGE",
    "SHARE_PLACES",
    "STALE_AFTER",
    "WEIGHTS",
    "AwsControlStatus",
    "Bucket",
    "CellState",
    "Change",
    "Counts",
    "FindingFacts",
    "Flag",
    "GateInputs",
    "Grade",
    "Letter",
    "Part",
    "Score",
    "Share",
    "Split",
    "Sums",
    "Verdict",
    "as_registered",
    "aws_control_status",
    "aws_security_score",
    "bucket",
    "cell_state",
    "change",
    "grade",
    "held",
    "letter",
    "managed",
    "one_decimal",
    "score",
    "split",
]
