"""Addresses of the resources of this app, below /api/v1/."""

from typing import Final

from django.urls import URLPattern, path, re_path

from inventory.api.organizations import OrganizationList, Ou, OuList
from inventory.api.parameters import OU_PATTERN
from inventory.api.runs import RunList, ScopeList

addresses: Final[list[URLPattern]] = [
    path("organizations/", OrganizationList.as_view(), name="api_organizations"),
    path("ous/", OuList.as_view(), name="api_ous"),
    re_path(rf"^ous/(?P<ou_id>{OU_PATTERN[1:-1]})/$", Ou.as_view(), name="api_ou"),
    path("runs/", RunList.as_view(), name="api_runs"),
    path("runs/scopes/", ScopeList.as_view(), name="api_run_scopes"),
]
