"""Addresses of the resources of this app, below /api/v1/."""

from typing import Final

from django.urls import URLPattern, path, re_path

from invariants.api.coverage import InvariantAccountList, InvariantOuList
from invariants.api.events import DenialList, DriftList
from invariants.api.exceptions.differences import ExceptionDifferenceList
from invariants.api.exceptions.numbers import ExceptionNumbers
from invariants.api.exceptions.reading import (
    REF_PATTERN,
    ExceptionEventList,
    ExceptionRecord,
)
from invariants.api.exceptions.steps import STEPS, ExceptionRenewal, ExceptionScopeLines
from invariants.api.exceptions.writing import ExceptionDetail, ExceptionList
from invariants.api.register import (
    CatalogueProblemList,
    InvariantDetail,
    InvariantList,
    InvariantMoveList,
    InvariantVersionList,
)

_KEY: Final = r"^invariants/(?P<key>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)/"
_REF: Final = rf"^exceptions/(?P<ref>{REF_PATTERN})/"

_of_exceptions: Final[list[URLPattern]] = [
    path("exceptions/", ExceptionList.as_view(), name="api_exceptions"),
    path(
        "exceptions/differences/",
        ExceptionDifferenceList.as_view(),
        name="api_exception_differences",
    ),
    path("exceptions/numbers/", ExceptionNumbers.as_view(), name="api_exception_numbers"),
    re_path(rf"{_REF}$", ExceptionDetail.as_view(), name="api_exception"),
    re_path(rf"{_REF}events/$", ExceptionEventList.as_view(), name="api_exception_events"),
    re_path(rf"{_REF}record/$", ExceptionRecord.as_view(), name="api_exception_record"),
    re_path(rf"{_REF}scope/$", ExceptionScopeLines.as_view(), name="api_exception_scope"),
    re_path(rf"{_REF}renew/$", ExceptionRenewal.as_view(), name="api_exception_renew"),
    *(
        re_path(rf"{_REF}{name}/$", view.as_view(), name=f"api_exception_{name.replace('-', '_')}")
        for name, view in STEPS.items()
    ),
]
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
    *_of_exceptions,
]
