"""Addresses of the resources of this app, below /api/v1/."""

from typing import Final

from django.urls import URLPattern, path, re_path

from invariants.api.coverage import InvariantAccountList, InvariantOuList
from invariants.api.events import DenialList, DriftList
from invariants.api.register import (
    CatalogueProblemList,
    InvariantDetail,
    InvariantList,
    InvariantMoveList,
    InvariantVersionList,
)

_KEY: Final = r"^invariants/(?P<key>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)/"

addresses: Final[list[URLPattern]] = [
    path("invariants/", InvariantList.as_view(), name="api_invariants"),
    path("drift/", DriftList.as_view(), name="api_drift"),
    path("denials/", DenialList.as_view(), name="api_denials"),
    path("catalogue-problems/", CatalogueProblemList.as_view(), name="api_catalogue_problems"),
    re_path(rf"{_KEY}$", InvariantDetail.as_view(), name="api_invariant"),
    re_path(rf"{_KEY}versions/$", InvariantVersionList.as_view(), name="api_invariant_versions"),
    re_path(rf"{_KEY}moves/$", InvariantMoveList.as_view(), name="api_invariant_moves"),
    re_path(rf"{_KEY}accounts/$", InvariantAccountList.as_view(), name="api_invariant_accounts"),
    re_path(rf"{_KEY}ous/$", InvariantOuList.as_view(), name="api_invariant_ous"),
]
