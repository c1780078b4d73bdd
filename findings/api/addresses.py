"""Addresses of the resources of this app, below /api/v1/."""

from typing import Final

from django.urls import URLPattern, path, re_path

from findings.api.controls import ControlDetail, ControlList
from findings.api.findings import FindingDetail, FindingList

addresses: Final[list[URLPattern]] = [
    path("findings/", FindingList.as_view(), name="api_findings"),
    re_path(r"^findings/(?P<pk>[0-9]{1,18})/$", FindingDetail.as_view(), name="api_finding"),
    path("controls/", ControlList.as_view(), name="api_controls"),
    # An imported product's control may have any sign in its id.
    path("controls/<path:control_id>/", ControlDetail.as_view(), name="api_control"),
]
