"""Everything that a worker does here: Celery finds tasks by this name."""

from posture.tasks.audit import audit_settings
from posture.tasks.collection import (
    ADVANCE,
    TASKS,
    begin,
    collect,
    collect_advance,
    collect_rescue,
    enqueue,
    roll_up,
)
from posture.tasks.exceptions import exceptions_tick
from posture.tasks.kpis import fill_kpis, kpis_after_rollup
from posture.tasks.mail import mail_deliver, mail_due, mail_review
from posture.tasks.notices import mail_notice, mail_notices_due
from posture.tasks.notifications import (
    notify_deliver,
    notify_due,
    notify_fan_out,
    notify_late,
    notify_retain,
    notify_test,
)
from posture.tasks.reports import make_report
from posture.tasks.reviews import freeze_reviews
from posture.tasks.sign_in import sign_in_retain
from posture.tasks.webhooks import (
    webhook_deliver,
    webhook_fan_out,
    webhooks_due,
    webhooks_findings,
    webhooks_retain,
)

__all__ = [
    "ADVANCE",
    "TASKS",
    "audit_settings",
    "begin",
    "collect",
    "collect_advance",
    "collect_rescue",
    "enqueue",
    "exceptions_tick",
    "fill_kpis",
    "freeze_reviews",
    "kpis_after_rollup",
    "mail_deliver",
    "mail_due",
    "mail_notice",
    "mail_notices_due",
    "mail_review",
    "make_report",
    "notify_deliver",
    "notify_due",
    "notify_fan_out",
    "notify_late",
    "notify_retain",
    "notify_test",
    "roll_up",
    "sign_in_retain",
    "webhook_deliver",
    "webhook_fan_out",
    "webhooks_due",
    "webhooks_findings",
    "webhooks_retain",
]
