"""The weekly review: pages, files, writing, sending."""

from posture.policies import roles
from tests.guards.matrix.row import Row

READ = roles.READ_REVIEWS
_EDIT = (roles.READ_REVIEWS, roles.EDIT_REVIEWS)
_PUBLISH = (roles.READ_REVIEWS, roles.PUBLISH_REVIEWS)
_MANAGE = roles.MANAGE_RECIPIENTS

ROWS: tuple[Row, ...] = (
    Row("posture:reviews", targets=()),
    Row(
        "posture:review",
        of="week",
        right=READ,
        refused=404,
        query=("", "?compare=2026-W46"),
        targets=(),
    ),
    # With a form in it for who may write.
    Row(
        "posture:review",
        of="draft",
        right=READ,
        refused=404,
        query=("?edit=answer-new",),
        targets=(),
    ),
    Row("posture:review_pdf", of="week", right=READ, refused=404, targets=()),
    Row("posture:review_csv", of="week", right=READ, refused=404, targets=()),
    Row("posture:review_json", of="week", right=READ, refused=404, targets=()),
    Row("posture:review_actions", targets=()),
    Row(
        "posture:review_action",
        of="action",
        right=_EDIT,
        sent={"do": "close", "outcome": "DONE"},
        allowed=(302, 422),
    ),
    Row("posture:review_answer", of="draft", right=_EDIT, sent={}, allowed=422),
    Row("posture:review_notes", of="draft", right=_EDIT, sent={"text": "Seen"}, allowed=(302, 422)),
    Row("posture:review_note", of="note", right=_EDIT, sent={"do": "remove"}, allowed=(302, 422)),
    Row("posture:review_questions", of="draft", right=_EDIT, sent={}, allowed=422),
    Row(
        "posture:review_question",
        of="question",
        right=_EDIT,
        sent={"do": "remove"},
        allowed=(302, 422),
    ),
    Row("posture:review_new_action", of="draft", right=_EDIT, sent={}, allowed=422),
    Row("posture:review_errata", of="week", right=_PUBLISH, sent={}, allowed=422),
    Row("posture:review_publish", of="draft", right=_PUBLISH, sent={}, allowed=(302, 422)),
    Row(
        "posture:review_send",
        of="week",
        right=(READ, _MANAGE),
        refused=(403, 404),
        sent={},
        allowed=302,
    ),
    Row("posture:mailing", right=roles.SEE_EVERYTHING, refused=404, targets=()),
    Row("posture:recipient_add", right=_MANAGE, sent={}, allowed=422),
    Row("posture:recipient_remove", of="recipient", right=_MANAGE, sent={}, allowed=302),
    Row("posture:review_schedule", right=_MANAGE, sent={}, allowed=422),
    Row("posture:mailbox", targets=()),
    Row(
        "posture:mailbox_message",
        of="mail",
        right=(roles.SEE_EVERYTHING, READ),
        refused=404,
        targets=(),
    ),
)
