"""Every address below is for people who may read findings; none can be added without that."""

from collections.abc import Callable

from django.http import HttpResponseBase
from django.urls import URLPattern
from django.urls import path as any_path

from findings import access, views


def path(route: str, view: Callable[..., HttpResponseBase], *, name: str) -> URLPattern:
    return any_path(route, access.for_readers(view), name=name)


app_name = "findings"
urlpatterns = [
    path("", views.finding_list, name="list"),
    path("facet/<slug:name>/", views.finding_facet, name="facet"),
    path("columns/", views.choose_columns, name="columns"),
    path("export.csv", views.export_csv, name="export_csv"),
    path("export.json", views.export_json, name="export_json"),
    path("views/", views.view_list, name="views"),
    path("views/<int:pk>/", views.change_view, name="view"),
    path("bulk/", views.bulk_actions, name="bulk_actions"),
    path("bulk/new/", views.new_bulk_action, name="new_bulk_action"),
    path("bulk/<int:pk>/", views.bulk_action, name="bulk_action"),
    path("bulk/<int:pk>/undo/", views.undo_bulk_action, name="undo_bulk_action"),
    path("controls/", views.control_list, name="controls"),
    # An imported product's control may have any sign in its id.
    path("controls/<path:control_id>/", views.control_detail, name="control"),
    path("quarantine/", views.quarantine_list, name="quarantine"),
    path("quarantine/retry/", views.retry_quarantine, name="retry_quarantine"),
    path("quarantine/progress/", views.retry_progress, name="retry_progress"),
    path("quarantine/<int:pk>/", views.quarantine_item, name="quarantined"),
    path("import/", views.import_list, name="import_list"),
    path("import/progress/", views.import_progress, name="import_progress"),
    path("<int:pk>/", views.finding_detail, name="detail"),
]
