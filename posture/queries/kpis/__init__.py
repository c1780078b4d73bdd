"""Reading KPIs: what they show of an OU, how they came there, and what they are made of."""

from posture.queries.kpis.amounts import Amounts
from posture.queries.kpis.history import CardChange, KpiHistory, WeekPoint, history
from posture.queries.kpis.lines import KpiLine, PartLine, line, lines, lines_of
from posture.queries.kpis.made_of import AccountLine, OuLine, accounts_of, ous_of
from posture.queries.kpis.points import PointLine, points

__all__ = [
    "AccountLine",
    "Amounts",
    "CardChange",
    "KpiHistory",
    "KpiLine",
    "OuLine",
    "PartLine",
    "PointLine",
    "WeekPoint",
    "accounts_of",
    "history",
    "line",
    "lines",
    "lines_of",
    "ous_of",
    "points",
]
