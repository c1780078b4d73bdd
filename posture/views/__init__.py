"""The pages about scores, collections, KPIs and reviews; `posture.urls` names each from here."""

from posture.views.attestations import attestation_list, attestation_withdraw
from posture.views.coverage import coverage
from posture.views.health import healthz
from posture.views.kpis import kpi_accounts_csv, kpi_detail, kpi_list
from posture.views.mail import (
    mailbox,
    mailing,
    recipient_add,
    recipient_remove,
    review_pdf,
    review_send,
    schedule,
)
from posture.views.organization import (
    account_detail,
    account_list,
    overview,
    scorecard_detail,
    scorecards,
)
from posture.views.reports import report_ask, report_file, report_list
from posture.views.review_exports import review_csv, review_json
from posture.views.review_writing import (
    review_action,
    review_answer,
    review_errata,
    review_new_action,
    review_note,
    review_notes,
    review_publish,
    review_question,
    review_questions,
)
from posture.views.reviews import review_actions, review_detail, review_list
from posture.views.score_pages import (
    compare_ous,
    score_change,
    scorecard_children_csv,
    team_detail,
    team_list,
)
from posture.views.sync import collect, sync, sync_progress

__all__ = [
    "account_detail",
    "account_list",
    "attestation_list",
    "attestation_withdraw",
    "collect",
    "compare_ous",
    "coverage",
    "healthz",
    "kpi_accounts_csv",
    "kpi_detail",
    "kpi_list",
    "mailbox",
    "mailing",
    "overview",
    "recipient_add",
    "recipient_remove",
    "report_ask",
    "report_file",
    "report_list",
    "review_action",
    "review_actions",
    "review_answer",
    "review_csv",
    "review_detail",
    "review_errata",
    "review_json",
    "review_list",
    "review_new_action",
    "review_note",
    "review_notes",
    "review_pdf",
    "review_publish",
    "review_question",
    "review_questions",
    "review_send",
    "schedule",
    "score_change",
    "scorecard_children_csv",
    "scorecard_detail",
    "scorecards",
    "sync",
    "sync_progress",
    "team_detail",
    "team_list",
]
