"""Fills the KPIs of a day: rows of accounts by SQL or a function, and their sums in every OU.

A day that is over is filled once more and then never again. What each KPI is filled from and how is
in posture/kpis/kpis.yaml; the tables that a KPI may read are in tables.py.
"""

from posture.rollups.kpis.filling import (
    Filled,
    FillFailed,
    Reach,
    fill,
    fill_all_back,
    fill_back,
    fill_day,
    fill_some,
    finalise,
)
from posture.rollups.kpis.rows import Row

__all__ = [
    "FillFailed",
    "Filled",
    "Reach",
    "Row",
    "fill",
    "fill_all_back",
    "fill_back",
    "fill_day",
    "fill_some",
    "finalise",
]
