"""Server-rendered SVG charts: no script, no style attribute, colours from app.css.

Every function returns a SafeString. None is a missing value everywhere: it is drawn as a gap (or an
empty, hatched track) and said in words, never drawn as zero.
"""

from posture.charts.columns import columns
from posture.charts.marks import heat_step, minibar, ring, signed, spark, stack, strip
from posture.charts.points import Point
from posture.charts.svg import value_text
from posture.charts.tables import chart_table, columns_table
from posture.charts.trend import trend

__all__ = [
    "Point",
    "chart_table",
    "columns",
    "columns_table",
    "heat_step",
    "minibar",
    "ring",
    "signed",
    "spark",
    "stack",
    "strip",
    "trend",
    "value_text",
]
