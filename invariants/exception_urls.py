"""Addresses of the exceptions: fixed words come before the references of requests."""

from django.urls import URLPattern, URLResolver, path, re_path

from invariants.views.exceptions import (
    absence,
    asking,
    detail,
    inbox,
    numbers,
    policy_edits,
    reconciliation,
    record,
    talking,
)

app_name = "exceptions"

_REF = r"(?P<ref>EX-[0-9]{4,9})"
# The steps that people take, as the table of steps has them, and what else they do with a request.
_VERB = (
    r"(?P<verb>submit|triage|assess|approve|grant|request-changes|reject|withdraw"
    r"|implement|remove|revoke|renew|narrow|decide)"
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", inbox.inbox, name="inbox"),
    path("bulk/", inbox.bulk, name="bulk"),
    path("absence/", absence.absence, name="absence"),
    path("absence/<int:pk>/end/", absence.absence_end, name="absence_end"),
    # Asking.
    path("mine/", asking.mine, name="mine"),
    path("new/", asking.new, name="new"),
    # What AWS shows beside what was approved.
    path("reconciliation/", reconciliation.reconciliation, name="reconciliation"),
    path("reconciliation/<int:pk>/", reconciliation.item, name="item"),
    path("reconciliation/<int:pk>/looked-again/", reconciliation.looked_again, name="looked_again"),
    path("numbers/", numbers.numbers, name="numbers"),
    path("numbers.csv", numbers.numbers_csv, name="numbers_csv"),
    # One request.
    re_path(rf"^{_REF}/$", detail.detail, name="detail"),
    re_path(rf"^{_REF}/{_VERB}/$", detail.step, name="step"),
    re_path(rf"^{_REF}/similar/$", detail.similar, name="similar"),
    re_path(rf"^{_REF}/comment/$", talking.comment, name="comment"),
    re_path(rf"^{_REF}/people/$", talking.people, name="people"),
    re_path(rf"^{_REF}/milestones/(?P<pk>[0-9]{{1,18}})/$", talking.milestone, name="milestone"),
    re_path(rf"^{_REF}/evidence/$", talking.evidence, name="evidence"),
    re_path(
        rf"^{_REF}/evidence/(?P<pk>[0-9]{{1,18}})/$", talking.evidence_file, name="evidence_file"
    ),
    re_path(rf"^{_REF}/edit/$", asking.edit, name="edit"),
    re_path(rf"^{_REF}/edit/save/$", asking.save, name="save"),
    re_path(rf"^{_REF}/blast-radius/$", asking.blast, name="blast"),
    re_path(rf"^{_REF}/policy-edit/$", policy_edits.policy_edit, name="policy_edit"),
    re_path(rf"^{_REF}/edit\.(?P<form>diff|tf|json)$", policy_edits.edit_file, name="edit_file"),
    re_path(rf"^{_REF}/record\.pdf$", record.record_pdf, name="record_pdf"),
    re_path(rf"^{_REF}/record\.json$", record.record_json, name="record_json"),
]
