"""/api/v1/controls/: the catalogue of controls, by the same queries as the pages."""

from typing import Any, Final

from django.http import Http404
from rest_framework.exceptions import NotFound

from findings.api.rights import MayReadFindings
from findings.api.shapes import ControlDetailShape, ControlShape
from findings.models import Area
from findings.queries import controls
from inventory.api import parameters
from inventory.api.parameters import Parameter
from inventory.api.resources import Asked, ListResource, Resource
from inventory.web import Page

GROUP: Final = "Findings"
_ROW: Final = tuple(ControlShape().fields)


class ControlList(ListResource):
    """Controls, and how many findings of each you see; those in no area first."""

    operation = "list_controls"
    group = GROUP
    permission_classes = (MayReadFindings,)
    shape = ControlShape
    parameters = (
        Parameter("area", "In this security area.", choices=tuple(Area.values)),
        Parameter(
            "show",
            "Only: "
            + "; ".join(f"{name}: {words.lower()}" for name, words in controls.SHOWN.items())
            + ".",
            choices=tuple(controls.SHOWN),
        ),
        Parameter("q", "Part of the id or the title.", most=100),
        *parameters.PAGED,
    )

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        return controls.controls(
            asked.user,
            area=asked["area"] or "",
            shown=asked["show"] or "",
            q=asked["q"] or "",
            cursor_text=asked.cursor,
            size=asked.size,
        )


class ControlDetail(Resource):
    """One control: what it checks, with which parameters, and what it found."""

    operation = "read_control"
    group = GROUP
    permission_classes = (MayReadFindings,)
    shape = ControlDetailShape
    address = (Parameter("control_id", "The id of a control.", most=130, example="S3.8"),)

    def answer(self, asked: Asked, **names: str) -> dict[str, Any]:
        control_id = names["control_id"]
        if "\0" in control_id:
            raise Http404
        found = controls.control(asked.user, control_id, today=asked.today)
        if found is None:
            raise NotFound("There is no such control. /api/v1/controls/ lists them.")
        return {
            **{name: getattr(found.row, name) for name in _ROW},
            "description": found.description,
            "remediation_url": found.remediation_url,
            "parameters": found.parameters,
            "standard_names": found.standards,
            "notes": found.notes,
            "is_account_level": found.is_account_level,
            "prevented_by": found.hints,
            "by_status": found.by_status,
        }
