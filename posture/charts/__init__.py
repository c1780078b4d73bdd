"""Server-rendered SVG charts: no script, no style attribute, colours from app.css.

None is a missing value everywhere: it is drawn as a gap (or an empty, hatched track) and said in words,
never drawn as zero. The small ones return a SafeString, the larger ones a Figure with title, summary and
table; with `px` these are drawn in fixed pixels and colours, for PDF and e-mail.
"""

from posture.charts.bars import bars
from posture.charts.columns import columns
from posture.charts.control import Limits, Xmr, control_chart
from posture.charts.cumulative import Pile, cumulative
from posture.charts.figure import Figure
from posture.charts.flow import Week, flow
from posture.charts.grades import grades
from posture.charts.heat import heat
from posture.charts.icicle import icicle
from posture.charts.marks import heat_step, minibar, ring, signed, spark, stack, strip
from posture.charts.pareto import pareto
from posture.charts.points import Point
from posture.charts.stacks import ages, cohort
from posture.charts.survival import survival
from posture.charts.svg import signed_text, value_text
from posture.charts.tables import chart_table, columns_table, data_table
from posture.charts.trend import trend
from posture.charts.waterfall import waterfall

__all__ = [
    "Figure",
    "Limits",
    "Pile",
    "Point",
    "Week",
    "Xmr",
    "ages",
    "bars",
    "chart_table",
    "cohort",
    "columns",
    "columns_table",
    "control_chart",
    "cumulative",
    "data_table",
    "flow",
    "grades",
    "heat",
    "heat_step",
    "icicle",
    "minibar",
    "pareto",
    "ring",
    "signed",
    "signed_text",
    "spark",
    "stack",
    "strip",
    "survival",
    "trend",
    "value_text",
    "waterfall",
]
