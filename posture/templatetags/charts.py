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
