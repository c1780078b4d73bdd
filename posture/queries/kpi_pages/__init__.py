"""The pages about KPIs: all thirty of an OU, and one with everything behind it."""

from posture.queries.kpi_pages.board import AreaGroup, Board, board, choose
from posture.queries.kpi_pages.page import WEEKS, KpiPage, account_lines, page
from posture.queries.kpi_pages.records import HEADS, records
from posture.queries.kpi_pages.rows import KpiRow, PartRow

__all__ = [
    "HEADS",
    "WEEKS",
    "AreaGroup",
    "Board",
    "KpiPage",
    "KpiRow",
    "PartRow",
    "account_lines",
    "board",
    "choose",
    "page",
    "records",
]
