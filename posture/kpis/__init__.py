"""The thirty KPIs: their cards, the number each shows, and how it stands. No table in here.

A KPI is stored as parts that add up (numerator, denominator, covered, expected) and divided last.
"""

from posture.kpis.cards import Kpi, Part, Unit
from posture.kpis.entries import BadKpis
from posture.kpis.registry import (
    HEADLINES,
    load,
    registry,
    source_of,
)
from posture.kpis.statistics import Verdict
from posture.kpis.values import FEW, Status, is_missed, status, value, worst

__all__ = [
    "FEW",
    "HEADLINES",
    "BadKpis",
    "Kpi",
    "Part",
    "Status",
    "Unit",
    "Verdict",
    "is_missed",
    "load",
    "registry",
    "source_of",
    "status",
    "value",
    "worst",
]
