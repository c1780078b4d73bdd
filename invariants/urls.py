"""Addresses of the invariants: names that are fixed come before the keys of invariants."""

from django.urls import URLPattern, URLResolver, path, re_path

from invariants import views
from invariants.views import candidates, denials, drift, files, moves, what_if

app_name = "invariants"

# As the catalogue writes them; the words of the addresses below are none (invariants.catalog refuses them).
_KEY = r"(?P<key>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)"
_FORM = r"(?P<form>policy\.json|terraform|cloudformation)"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.invariant_list, name="list"),
    path("export.csv", views.invariants_csv, name="list_csv"),
    path("matrix/", views.matrix, name="matrix"),
    path("matrix/export.csv", views.matrix_csv, name="matrix_csv"),
    # Catalogue: moves, export, adoption.
    re_path(rf"^pack/{_FORM}$", files.invariant_pack, name="pack"),
    path("adopt/", files.adopt_list, name="adopt_list"),
    path("adopt/<slug:policy_id>/", files.adopt, name="adopt"),
    # Drift.
    path("drift/", drift.drift_inbox, name="drift"),
    path("drift/export.csv", drift.drift_csv, name="drift_csv"),
    path("drift/<int:pk>/", drift.drift_entry, name="drift_entry"),
    path("drift/<int:pk>/accept/", drift.drift_accept, name="drift_accept"),
    path("drift/<int:pk>/reopen/", drift.drift_reopen, name="drift_reopen"),
    path("drift/<int:pk>/assign/", drift.drift_assign, name="drift_assign"),
    # Denials and candidates.
    path("denials/", denials.list_denials, name="denials"),
    path("candidates/", candidates.list_candidates, name="candidates"),
    # What would change.
    path("what-if/", what_if.what_if, name="what_if"),
    path("what-if/<uuid:what_if_id>/", what_if.what_if_result, name="what_if_result"),
    # One invariant: last, since any other word is taken for a key.
    re_path(rf"^{_KEY}/$", views.invariant_detail, name="detail"),
    re_path(rf"^{_KEY}/move/$", moves.invariant_move, name="move"),
    re_path(rf"^{_KEY}/export/{_FORM}$", files.invariant_export, name="export"),
    re_path(rf"^{_KEY}/accounts/$", views.invariant_accounts, name="accounts"),
    re_path(rf"^{_KEY}/accounts/export\.csv$", views.accounts_csv, name="accounts_csv"),
    re_path(
        rf"^{_KEY}/accounts/(?P<account_id>[0-9]{{12}})/$",
        views.invariant_account,
        name="account",
    ),
]
