"""Words and files on a record, and its milestones: what moves no state."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction

from invariants.actions.exceptions.recording import By, Opened, Told, opened, record
from invariants.models import ExceptionComment, ExceptionEvidence, ExceptionRequest
from invariants.models.exceptions import ExceptionState, Verb
from invariants.policies.exceptions import NotAllowed
from invariants.policies.exceptions.filing import BIGGEST, NO_TALK, TYPES, may_talk

LONGEST: Final = 4000
_MENTION: Final = re.compile(r"(?<![\w.@+-])@([\w.@+-]{1,150})")
_MOST_MENTIONS: Final = 20
MOST_FILES: Final = 50
_OVER: Final = (
    ExceptionState.CLOSED,
    ExceptionState.RENEWED,
    ExceptionState.REJECTED,
    ExceptionState.WITHDRAWN,
)


@dataclass(frozen=True, slots=True)
class File:
    """What is known of a file that was stored; `size` in bytes, `sha256` in hex."""

    name: str
    content_type: str
    size: int
    sha256: str
    stored_as: str


@transaction.atomic
def comment(by: By, pk: int, text: str, *, now: datetime) -> ExceptionComment:
    """Add a comment. `@name` mentions somebody who sees the record; others stay words.

    :raises NotAllowed: where it is empty or too long.
    """
    one = opened(by, pk, now=now)
    _may_talk(one)
    words = text.strip()
    if not words or len(words) > LONGEST:
        raise NotAllowed((f"A comment has between 1 and {LONGEST:,} characters.",))
    mentions = _mentioned(one.request, words)
    row = ExceptionComment.objects.create(
        request=one.request,
        at=now,
        person_id=by.user.pk,
        person_name=by.name,
        text=words,
        mentions=mentions,
    )
    told = Told(words, after={"mentions": [one["name"] for one in mentions]} if mentions else None)
    record(one, Verb.COMMENT, told=told)
    return row


def _mentioned(request: ExceptionRequest, text: str) -> list[dict[str, object]]:
    names = {name.rstrip(".") for name in _MENTION.findall(text)}
    people = User.objects.filter(username__in=names, is_active=True).order_by("pk")
    seen = ExceptionRequest.objects.filter(pk=request.pk)
    return [
        {"id": person.pk, "name": person.get_username()}
        for person in people[:_MOST_MENTIONS]
        if seen.visible_to(person).exists()
    ]


@transaction.atomic
def attach(by: By, pk: int, file: File, *, now: datetime) -> ExceptionEvidence:
    """Note a file that was stored as evidence.

    :raises NotAllowed: where its size or type is not taken, there are too many, or the record is over.
    """
    one = opened(by, pk, now=now)
    _may_talk(one)
    _is_open(one)
    if not 0 < file.size <= BIGGEST:
        raise NotAllowed((f"A file has {BIGGEST // 1024 // 1024} MB at most, and is not empty.",))
    if one.request.evidence.count() >= MOST_FILES:
        raise NotAllowed(
            (f"A request has {MOST_FILES} files at most: put what belongs together in one.",)
        )
    if file.content_type not in TYPES:
        raise NotAllowed(("Take a PDF, an office document, a picture, text, CSV or JSON.",))
    row = ExceptionEvidence.objects.create(
        request=one.request,
        name=file.name[:200],
        content_type=file.content_type,
        size=file.size,
        sha256=file.sha256,
        stored_as=file.stored_as,
        at=now,
        person_id=by.user.pk,
        person_name=by.name,
    )
    record(one, Verb.ATTACH, told=Told(after={"file": row.name, "sha256": row.sha256}))
    return row


@transaction.atomic
def finish_milestone(by: By, pk: int, milestone: int, *, done_on: date, now: datetime) -> None:
    """Say that a step of the plan is done.

    :raises NotAllowed: where it is another person's request, or the step is none of it.
    """
    one = opened(by, pk, now=now)
    _is_open(one)
    row = one.request.milestones.filter(pk=milestone, done_on=None).first()
    if one.request.requester_id != by.user.pk or row is None or done_on > one.at.today:
        raise NotAllowed(("Only who asked for it finishes an open step of its plan, by today.",))
    row.done_on = done_on
    row.save(update_fields=["done_on"])
    record(
        one, Verb.PROGRESS, told=Told(after={"milestone": row.text, "done_on": done_on.isoformat()})
    )


def _may_talk(one: Opened) -> None:
    if not may_talk(one.facts, one.who):
        raise NotAllowed((NO_TALK,))


def _is_open(one: Opened) -> None:
    if one.request.state in _OVER:
        raise NotAllowed((f"It is {one.request.get_state_display()}: nothing is added any more.",))
