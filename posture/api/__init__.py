"""/api/v1/: scorecards, accounts, KPIs, coverage and reviews, by the queries of the pages.

Every app has resources of its own; `addresses` joins them, and is where those of another app begin.
"""
