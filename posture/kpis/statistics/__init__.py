"""What KPIs of flow are reckoned with: control charts, survival curves, cohorts, net flow. Pure.

Exact arithmetic (Fraction, Decimal), rounded half up once, at the end.
"""

from posture.kpis.statistics.control_chart import (
    BASELINE,
    Verdict,
    Xmr,
    verdict,
    xmr,
)
from posture.kpis.statistics.due_dates import (
    Cohort,
    Due,
    due_cohort,
)
from posture.kpis.statistics.flow import (
    Flow,
    expected_days,
    is_shrinking,
    net_flow,
)
from posture.kpis.statistics.survival import (
    Days,
    Step,
    Survival,
    kaplan_meier,
)

__all__ = [
    "BASELINE",
    "Cohort",
    "Days",
    "Due",
    "Flow",
    "Step",
    "Survival",
    "Verdict",
    "Xmr",
    "due_cohort",
    "expected_days",
    "is_shrinking",
    "kaplan_meier",
    "net_flow",
    "verdict",
    "xmr",
]
