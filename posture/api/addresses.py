"""Every address below /api/.

The resources of another app are joined here: one line, and its own `<app>/api/addresses.py`.
"""

from typing import Final

from django.urls import URLPattern, URLResolver, include, path, re_path

from findings.api.addresses import addresses as of_findings
from invariants.api.addresses import addresses as of_invariants
from inventory.api.addresses import addresses as of_inventory
from inventory.api.parameters import OU_PATTERN
from inventory.api.runs import ACCOUNT_ID
from posture.api import security
from posture.api.accounts import AccountDetail, AccountList
from posture.api.coverage import AccountCoverageList, CoverageList
from posture.api.index import Root, Schema, Unknown
from posture.api.kpis import KpiAccountList, KpiDetail, KpiList, PointList
from posture.api.reviews import WEEK, ReviewDetail, ReviewList
from posture.api.scorecards import ScorecardDetail, ScorecardList

# The description finds its way of signing by what has been imported.
SCHEME: Final = security.BearerTokenScheme
_KPI: Final = r"^kpis/(?P<kpi_id>K(?:[1-9]|[12][0-9]|30))/"
_OU: Final = OU_PATTERN[1:-1]

_of_posture: Final[list[URLPattern]] = [
    path("accounts/", AccountList.as_view(), name="api_accounts"),
    re_path(
        rf"^accounts/(?P<account_id>{ACCOUNT_ID})/$", AccountDetail.as_view(), name="api_account"
    ),
    path("scorecards/", ScorecardList.as_view(), name="api_scorecards"),
    re_path(rf"^scorecards/(?P<ou_id>{_OU})/$", ScorecardDetail.as_view(), name="api_scorecard"),
    path("kpis/", KpiList.as_view(), name="api_kpis"),
    re_path(rf"{_KPI}$", KpiDetail.as_view(), name="api_kpi"),
    re_path(rf"{_KPI}points/$", PointList.as_view(), name="api_kpi_points"),
    re_path(rf"{_KPI}accounts/$", KpiAccountList.as_view(), name="api_kpi_accounts"),
    path("coverage/", CoverageList.as_view(), name="api_coverage"),
    path("coverage/accounts/", AccountCoverageList.as_view(), name="api_coverage_accounts"),
    path("reviews/", ReviewList.as_view(), name="api_reviews"),
    re_path(rf"^reviews/(?P<week>{WEEK})/$", ReviewDetail.as_view(), name="api_review"),
]
resources: Final[list[URLPattern]] = [
    *of_inventory,
    *of_findings,
    *of_invariants,
    *_of_posture,
]
addresses: Final[list[URLPattern | URLResolver]] = [
    path("api/v1/", Root.as_view(), name="api_root"),
    path("api/v1/schema/", Schema.as_view(), name="api_schema"),
    path("api/v1/", include(resources)),
    # The last: whatever is left. A page of the site would be no answer for a program.
    re_path(r"^api/.*$", Unknown.as_view(), name="api_unknown"),
]
