"""What people send: filters from query strings, and forms."""

from posture.forms.attestations import AttestationFilterForm, AttestationForm
from posture.forms.coverage import CoverageForm
from posture.forms.kpis import KpiFilterForm
from posture.forms.organization import SORTS, AccountFilterForm, ScopeFilterForm
from posture.forms.scorecards import (
    CHILD_SORTS,
    AsOfForm,
    ChangeForm,
    ChildrenForm,
    CompareForm,
)

__all__ = [
    "CHILD_SORTS",
    "SORTS",
    "AccountFilterForm",
    "AsOfForm",
    "AttestationFilterForm",
    "AttestationForm",
    "ChangeForm",
    "ChildrenForm",
    "CompareForm",
    "CoverageForm",
    "KpiFilterForm",
    "ScopeFilterForm",
]
