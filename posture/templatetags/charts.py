"""{% load charts %}: the functions of posture.charts as template tags, under the same names."""

from django import template

from posture import charts

register = template.Library()

register.simple_tag(charts.spark, name="spark")
register.simple_tag(charts.ring, name="ring")
register.simple_tag(charts.minibar, name="minibar")
register.simple_tag(charts.stack, name="stack")
register.simple_tag(charts.signed, name="signed")
register.simple_tag(charts.strip, name="strip")
register.simple_tag(charts.trend, name="trend")
register.simple_tag(charts.columns, name="columns")
register.simple_tag(charts.chart_table, name="chart_table")
register.simple_tag(charts.columns_table, name="columns_table")
register.simple_tag(charts.waterfall, name="waterfall")
register.simple_tag(charts.control_chart, name="control_chart")
register.simple_tag(charts.survival, name="survival")
register.simple_tag(charts.ages, name="ages")
register.simple_tag(charts.bars, name="bars")
register.simple_tag(charts.flow, name="flow")
register.simple_tag(charts.grades, name="grades")
register.simple_tag(charts.pareto, name="pareto")
register.simple_tag(charts.cohort, name="cohort")
register.simple_tag(charts.icicle, name="icicle")
# {% heat %} is the table cell of {% load ui %}.
register.simple_tag(charts.heat, name="heat_map")
# {{ score|heat_step }}: the step 1 to 9 that a cell of a page is coloured by.
register.filter("heat_step", charts.heat_step)
