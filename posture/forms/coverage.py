"""What the coverage page is about, from a query string where anything may stand."""

from django import forms

from posture.queries import coverage
from posture.queries.coverage import Column


class CoverageForm(forms.Form):
    """Turns a query string into an OU, a service and a page; what is wrong in it is left out."""

    ou = forms.RegexField(r"^[a-z0-9-]{1,68}\Z", required=False)
    service = forms.SlugField(required=False, max_length=40)
    page = forms.IntegerField(required=False, min_value=1, max_value=10_000)

    def read(self) -> tuple[str, Column | None, int]:
        """The OU's id ("" for all), the service to drill into (None for none), and the page."""
        self.is_valid()
        values = self.cleaned_data
        column = coverage.column(values.get("service") or "")
        return values.get("ou") or "", column, values.get("page") or 1
