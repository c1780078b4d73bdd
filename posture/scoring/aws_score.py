"""Security Hub's own score, shown beside ours as a secondary figure."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from posture.scoring.buckets import FindingFacts


class AwsControlStatus(StrEnum):
    PASSED = "PASSED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    NO_DATA = "NO_DATA"
    DISABLED = "DISABLED"


def aws_control_status(findings: Iterable[FindingFacts]) -> AwsControlStatus:
    """Security Hub's own status of one enabled control, over findings of the last 24 hours.

    https://docs.aws.amazon.com/securityhub/latest/userguide/controls-overall-status.html
    """
    seen = {
        f.compliance
        for f in findings
        if f.record_state != "ARCHIVED" and f.workflow != "SUPPRESSED"
    }
    if "FAILED" in seen:
        return AwsControlStatus.FAILED
    if seen & {"WARNING", "NOT_AVAILABLE"}:
        return AwsControlStatus.UNKNOWN
    return AwsControlStatus.PASSED if "PASSED" in seen else AwsControlStatus.NO_DATA


def aws_security_score(statuses: Iterable[AwsControlStatus]) -> int | None:
    """Security Hub's own score, a secondary figure: one status a control, whole per cent.

    None when no control has data.
    https://docs.aws.amazon.com/securityhub/latest/userguide/standards-security-score.html
    """
    left_out = {AwsControlStatus.NO_DATA, AwsControlStatus.DISABLED}
    counted = [status for status in statuses if status not in left_out]
    if not counted:
        return None
    passed = sum(status is AwsControlStatus.PASSED for status in counted)
    return int((Decimal(100) * passed / len(counted)).quantize(Decimal(1), ROUND_HALF_UP))
