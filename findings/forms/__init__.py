"""What a person sends to the pages of the findings, checked."""

from findings.forms.filters import ORDERS, PARAMETERS, FilterForm
from findings.forms.imports import ImportForm
from findings.forms.triage import BulkForm, SelectionForm
from findings.forms.views import SavedViewForm
from findings.forms.words import spelled_out

__all__ = [
    "ORDERS",
    "PARAMETERS",
    "BulkForm",
    "FilterForm",
    "ImportForm",
    "SavedViewForm",
    "SelectionForm",
    "spelled_out",
]
