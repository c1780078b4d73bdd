"""All addresses of the site."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from posture import views
from posture.api.addresses import addresses as api
from posture.views import audit, limits, notifications, people, problems, sign_in, webhooks

# The root or an OU, as AWS writes their ids.
_OU_ID = r"(?P<ou_id>r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})"
# An ISO week, such as 2026-W47.
_WEEK = r"(?P<week>[0-9]{4}-W[0-9]{2})"
_KPI_ID = r"(?P<kpi_id>K(?:[1-9]|[12][0-9]|30))"

pages: list[URLPattern | URLResolver] = [
    path("", views.overview, name="overview"),
    path("scorecards/", views.scorecards, name="scorecards"),
    path("scorecards/teams/", views.team_list, name="teams"),
    re_path(r"^scorecards/teams/(?P<pk>[0-9]{1,18})/$", views.team_detail, name="team"),
    path("scorecards/compare/", views.compare_ous, name="compare"),
    re_path(rf"^scorecards/{_OU_ID}/$", views.scorecard_detail, name="scorecard"),
    re_path(rf"^scorecards/{_OU_ID}/change/$", views.score_change, name="change"),
    re_path(
        rf"^scorecards/{_OU_ID}/children\.csv$",
        views.scorecard_children_csv,
        name="scorecard_children_csv",
    ),
    re_path(rf"^scorecards/{_OU_ID}/report/$", views.report_ask, name="report_ask"),
    path("reports/", views.report_list, name="reports"),
    path("reports/<int:pk>/", views.report_file, name="report_file"),
    path("accounts/", views.account_list, name="accounts"),
    re_path(r"^accounts/(?P<account_id>[0-9]{12})/$", views.account_detail, name="account"),
    path("coverage/", views.coverage, name="coverage"),
    path("kpis/", views.kpi_list, name="kpis"),
    path("kpis/attestations/", views.attestation_list, name="attestations"),
    path(
        "kpis/attestations/<int:pk>/withdraw/",
        views.attestation_withdraw,
        name="attestation_withdraw",
    ),
    re_path(rf"^kpis/{_KPI_ID}/$", views.kpi_detail, name="kpi"),
    re_path(rf"^kpis/{_KPI_ID}/accounts\.csv$", views.kpi_accounts_csv, name="kpi_accounts_csv"),
    path("sync/", views.sync, name="sync"),
    path("sync/progress/", views.sync_progress, name="sync_progress"),
    path("sync/collect/", views.collect, name="collect"),
    path("reviews/", views.review_list, name="reviews"),
    path("reviews/actions/", views.review_actions, name="review_actions"),
    path("reviews/actions/<int:pk>/", views.review_action, name="review_action"),
    path("reviews/recipients/", views.mailing, name="mailing"),
    path("reviews/recipients/add/", views.recipient_add, name="recipient_add"),
    path("reviews/recipients/schedule/", views.schedule, name="review_schedule"),
    path("reviews/recipients/<int:pk>/remove/", views.recipient_remove, name="recipient_remove"),
    path("audit/", audit.audit_log, name="audit"),
    path("audit/export.csv", audit.audit_csv, name="audit_csv"),
    path("audit/export.ndjson", audit.audit_ndjson, name="audit_ndjson"),
    path("audit/<int:pk>/", audit.audit_entry, name="audit_entry"),
    path("people/", people.person_list, name="people"),
    path("people/rights/", people.rights, name="rights"),
    path("people/groups/", people.groups, name="groups"),
    path("people/groups/<int:pk>/remove/", people.group_remove, name="group_remove"),
    path("people/service/", people.service_accounts, name="service_accounts"),
    path("people/tokens/", people.token_list, name="tokens"),
    path("people/tokens/<int:pk>/revoke/", people.token_revoke, name="token_revoke"),
    path("people/<int:pk>/", people.person_detail, name="person"),
    path("people/<int:pk>/roles/", people.person_roles, name="person_roles"),
    path("people/<int:pk>/teams/", people.person_teams, name="person_teams"),
    path("people/<int:pk>/ous/", people.person_ous, name="person_ous"),
    path("people/<int:pk>/state/", people.person_state, name="person_state"),
    path("people/<int:pk>/tokens/", people.person_tokens, name="person_tokens"),
    path("webhooks/", webhooks.webhook_list, name="webhooks"),
    path("webhooks/<int:pk>/", webhooks.webhook_detail, name="webhook"),
    path("webhooks/<int:pk>/rotate/", webhooks.webhook_rotate, name="webhook_rotate"),
    path("webhooks/<int:pk>/switch/", webhooks.webhook_switch, name="webhook_switch"),
    path("webhooks/<int:pk>/remove/", webhooks.webhook_remove, name="webhook_remove"),
    path("webhooks/<int:pk>/test/", webhooks.webhook_test, name="webhook_test"),
    path("webhooks/<int:pk>/replay/", webhooks.webhook_replay, name="webhook_replay"),
    path(
        "webhooks/<int:pk>/deliveries/<int:delivery_pk>/replay/",
        webhooks.delivery_replay,
        name="delivery_replay",
    ),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/kinds/", notifications.notification_choices, name="notification_choices"),
    path("notifications/hours/", notifications.notification_hours, name="notification_hours"),
    path("notifications/channels/", notifications.channel_add, name="channel_add"),
    path("notifications/channels/<int:pk>/test/", notifications.channel_test, name="channel_test"),
    path(
        "notifications/channels/<int:pk>/remove/",
        notifications.channel_remove,
        name="channel_remove",
    ),
    path(
        "notifications/stop/<slug:kind>/", notifications.notification_stop, name="notification_stop"
    ),
    path("notifications/deliveries/", notifications.notification_log, name="notification_log"),
    path(
        "notifications/deliveries/<int:pk>/again/",
        notifications.notification_again,
        name="notification_again",
    ),
    path("mailbox/", views.mailbox, name="mailbox"),
    path("api/v1/docs/", problems.api_docs, name="api_docs"),
    path("you/sessions/", sign_in.sessions, name="sessions"),
    path("you/sessions/end/", sign_in.sessions_end, name="sessions_end"),
    path("you/sessions/<int:pk>/end/", sign_in.session_end, name="session_end"),
    path("mailbox/<int:pk>/", views.mailbox, name="mailbox_message"),
    re_path(rf"^reviews/{_WEEK}/$", views.review_detail, name="review"),
    re_path(rf"^reviews/{_WEEK}/review\.pdf$", views.review_pdf, name="review_pdf"),
    re_path(rf"^reviews/{_WEEK}/send/$", views.review_send, name="review_send"),
    re_path(rf"^reviews/{_WEEK}/export\.csv$", views.review_csv, name="review_csv"),
    re_path(rf"^reviews/{_WEEK}/export\.json$", views.review_json, name="review_json"),
    re_path(rf"^reviews/{_WEEK}/answer/$", views.review_answer, name="review_answer"),
    re_path(rf"^reviews/{_WEEK}/notes/$", views.review_notes, name="review_notes"),
    re_path(
        rf"^reviews/{_WEEK}/notes/(?P<pk>[0-9]{{1,18}})/$", views.review_note, name="review_note"
    ),
    re_path(rf"^reviews/{_WEEK}/questions/$", views.review_questions, name="review_questions"),
    re_path(
        rf"^reviews/{_WEEK}/questions/(?P<pk>[0-9]{{1,18}})/$",
        views.review_question,
        name="review_question",
    ),
    re_path(rf"^reviews/{_WEEK}/actions/$", views.review_new_action, name="review_new_action"),
    re_path(rf"^reviews/{_WEEK}/errata/$", views.review_errata, name="review_errata"),
    re_path(rf"^reviews/{_WEEK}/publish/$", views.review_publish, name="review_publish"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((pages, "posture"))),
    path("findings/", include("findings.urls")),
    path("invariants/", include("invariants.urls")),
    path("exceptions/", include("invariants.exception_urls")),
    *sign_in.addresses,
    path("healthz/", views.healthz, name="healthz"),
    *api,
]

handler400 = problems.bad_request
handler403 = problems.forbidden
handler404 = problems.not_found
handler500 = limits.broken
