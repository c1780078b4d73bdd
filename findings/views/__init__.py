"""The pages of the findings; `findings.urls` names each from here."""

from findings.views.bulk import bulk_action, bulk_actions, new_bulk_action, undo_bulk_action
from findings.views.controls import control_detail, control_list
from findings.views.detail import finding_detail
from findings.views.export import export_csv, export_json
from findings.views.imports import import_list, import_progress
from findings.views.listing import choose_columns, finding_facet, finding_list
from findings.views.quarantine import (
    quarantine_item,
    quarantine_list,
    retry_progress,
    retry_quarantine,
)
from findings.views.saved import change_view, view_list

__all__ = [
    "bulk_action",
    "bulk_actions",
    "change_view",
    "choose_columns",
    "control_detail",
    "control_list",
    "export_csv",
    "export_json",
    "finding_detail",
    "finding_facet",
    "finding_list",
    "import_list",
    "import_progress",
    "new_bulk_action",
    "quarantine_item",
    "quarantine_list",
    "retry_progress",
    "retry_quarantine",
    "undo_bulk_action",
    "view_list",
]
