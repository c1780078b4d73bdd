"""Which security services are on where: services by OU, and the accounts of an OU behind a number.

A pair is an account and a Region that it may use. What is expected comes from AWS Organizations and
Account Management, never from findings; a pair of which nothing is known is not covered.
"""

from posture.queries.coverage.accounts import AccountGaps, Drill, Gap, drill, drill_page
from posture.queries.coverage.heat import CoverageCell, CoverageRow, HeatPage, heat
from posture.queries.coverage.services import SERVICES, Column, column

__all__ = [
    "SERVICES",
    "AccountGaps",
    "Column",
    "CoverageCell",
    "CoverageRow",
    "Drill",
    "Gap",
    "HeatPage",
    "column",
    "drill",
    "drill_page",
    "heat",
]
