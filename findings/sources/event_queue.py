"""The SQS queue that EventBridge fills with Security Hub's events: receive, read, hold, delete.

Events of other kinds that somebody takes (`routed`) are read as far as their envelope.

Delivery is at least once and in no order. A message is deleted only when its findings are stored;
whatever happens before that, it comes again.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from findings.normalise import asff, batch, ocsf, reader
from findings.normalise.records import FindingRecord, Page, Rejected, Unreadable
from inventory.aws import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inventory.aws import Client

PERMISSIONS: dict[str, tuple[str, ...]] = {
    "events": ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"),
}

# The most that SQS gives, waits and deletes at once.
MESSAGES = 10
LONG_POLL_SECONDS = 20
# How many messages are gathered before they are stored together.
GATHERED = 500
# For so long nobody else gets a message that we hold; renewed while its batch is worked on.
HOLD_SECONDS = 120

# What each API announces. A custom action repeats findings, sometimes several at once.
_SHAPES = {
    "Security Hub Findings - Imported": reader.ASFF,
    "Security Hub Findings - Custom Action": reader.ASFF,
    "Findings Imported V2": reader.OCSF,
}
_WITHOUT_FINDINGS = frozenset({"Security Hub Insight Results"})
_SHAPE_OF_API = {"v1": reader.ASFF, "v2": reader.OCSF}
_PARSERS = {reader.ASFF: asff.parse, reader.OCSF: ocsf.parse}
TEXT = "text"
_REMEDY = "Let the rules send the events of deploy/aws whole, and nothing else, to this queue"
_REGION = re.compile(r"//(?:sqs\.)?([a-z]{2,}(?:-[a-z]+)+-\d)\.")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as SQS gave it; `receipt` is good for this delivery alone."""

    message_id: str
    receipt: str
    body: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class EventPage:
    """Findings as they were at `at`, the time of their events (which has whole seconds)."""

    at: datetime
    page: Page


@dataclass(frozen=True, slots=True)
class Routed:
    """An event of a kind that somebody else takes; `detail` as it came."""

    message: Message
    at: datetime
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """What messages hold: findings, each in its newest state only, and what could not be read.

    `pages` are in the order of their events. `skipped` messages are of the API that is not read, of
    products read elsewhere, or hold no findings by nature. `latest_at` is the newest event; None
    where no message was one. `routed` are events for others, by their kind (detail-type), each with
    its message.
    """

    pages: tuple[EventPage, ...]
    rejected: tuple[Rejected, ...]
    skipped: int
    latest_at: datetime | None
    routed: Mapping[str, tuple[Routed, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Event:
    """`detail` is that of a kind which is routed; it has no findings then."""

    shape: str
    at: datetime
    findings: Sequence[Mapping[str, Any]]
    kind: str = ""
    detail: Mapping[str, Any] | None = None


@dataclass(slots=True)
class _Newest:
    """The newest copy of each finding, by its own time, then its event's, then its message's.

    What people set in AWS moves none but the last two.
    """

    copies: dict[tuple[str, str], tuple[tuple[datetime, datetime, datetime], FindingRecord]] = (
        field(default_factory=dict)
    )

    def add(self, record: FindingRecord, *, event_at: datetime, sent_at: datetime) -> None:
        key, age = (record.finding_id, record.product_arn), (record.updated_at, event_at, sent_at)
        if key not in self.copies or self.copies[key][0] <= age:
            self.copies[key] = (age, record)

    def pages(self) -> tuple[EventPage, ...]:
        ordered = sorted(self.copies.values(), key=lambda copy: copy[0][1:])
        return tuple(
            EventPage(at, Page(tuple(record for _, record in copies), (), None))
            for at, copies in groupby(ordered, key=lambda copy: copy[0][1])
        )


def region_of(queue_url: str) -> str | None:
    """Return the Region that a queue's address names; None where it names none."""
    found = _REGION.search(queue_url)
    return found[1] if found else None


def receive(
    client: Client, *, queue_url: str, wait_seconds: int = LONG_POLL_SECONDS
) -> list[Message]:
    """Return up to GATHERED messages: wait for the first, then take what else is there at once."""
    found: list[Message] = []
    while len(found) < GATHERED:
        answer = client.call(
            "receive_message",
            QueueUrl=queue_url,
            MaxNumberOfMessages=MESSAGES,
            WaitTimeSeconds=0 if found else wait_seconds,
            VisibilityTimeout=HOLD_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        messages = answer.get("Messages") or ()
        if not messages:
            break
        found += [_message(raw) for raw in messages]
    return found


def read(
    messages: Iterable[Message],
    *,
    api: str,
    left_out: frozenset[str] = frozenset(),
    routed: frozenset[str] = frozenset(),
) -> Batch:
    """Return what the messages hold for an installation that reads `api` (v1 or v2).

    Findings of the products `left_out` are skipped; events of the kinds `routed` are for others. A message that cannot be read is rejected
    whole, as text; a finding that cannot is rejected by itself.
    """
    newest, rejected, skipped = _Newest(), list[Rejected](), 0
    latest_at: datetime | None = None
    others: dict[str, list[Routed]] = {}
    for message in messages:
        try:
            event = _event(message.body, routed=routed)
        except Unreadable as e:
            rejected.append(Rejected(message.message_id, str(e), message.body, shape=TEXT))
            continue
        latest_at = max(latest_at or event.at, event.at)
        if event.detail is not None:
            others.setdefault(event.kind, []).append(Routed(message, event.at, event.detail))
            continue
        if event.shape != _SHAPE_OF_API[api]:
            skipped += 1
            continue
        page = batch.page(event.findings, parse=_PARSERS[event.shape], shape=event.shape)
        wanted = [record for record in page.findings if record.product not in left_out]
        for record in wanted:
            newest.add(record, event_at=event.at, sent_at=message.sent_at)
        rejected += page.rejected
        skipped += not wanted and not page.rejected
    by_kind = {kind: tuple(events) for kind, events in others.items()}
    return Batch(newest.pages(), tuple(rejected), skipped, latest_at, by_kind)


def delete(client: Client, messages: Iterable[Message], *, queue_url: str) -> int:
    """Delete messages whose findings are stored; returns how many SQS did not delete.

    Those come again, which costs a look and changes nothing.
    """
    failed = 0
    for some in _tens(messages):
        answer = client.call(
            "delete_message_batch",
            QueueUrl=queue_url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": message.receipt}
                for number, message in enumerate(some)
            ],
        )
        failed += len(answer.get("Failed") or ())
    return failed


def hold(client: Client, messages: Iterable[Message], *, queue_url: str) -> None:
    """Keep messages from everybody else for another HOLD_SECONDS from now."""
    for some in _tens(messages):
        client.call(
            "change_message_visibility_batch",
            QueueUrl=queue_url,
            Entries=[
                {
                    "Id": str(number),
                    "ReceiptHandle": message.receipt,
                    "VisibilityTimeout": HOLD_SECONDS,
                }
                for number, message in enumerate(some)
            ],
        )


@contextmanager
def holding(
    client: Client,
    messages: Sequence[Message],
    *,
    queue_url: str,
    every_seconds: float = HOLD_SECONDS / 3,
) -> Iterator[None]:
    """Hold messages for as long as the block takes, however long it waits for a lock."""
    is_done = threading.Event()

    def renew() -> None:
        while not is_done.wait(every_seconds):
            try:
                hold(client, messages, queue_url=queue_url)
            except SourceError as error:
                # They come again then, which is harmless.
                _log.warning("Messages in work could not be held: %s", error)

    thread = threading.Thread(target=renew, name="hold-messages", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()


def _tens(messages: Iterable[Message]) -> Iterator[Sequence[Message]]:
    rest = list(messages)
    for start in range(0, len(rest), MESSAGES):
        yield rest[start : start + MESSAGES]


def _message(raw: Mapping[str, Any]) -> Message:
    sent = int((raw.get("Attributes") or {}).get("SentTimestamp") or 0)
    return Message(
        message_id=raw["MessageId"],
        receipt=raw["ReceiptHandle"],
        body=raw.get("Body") or "",
        sent_at=datetime.fromtimestamp(sent / 1000, UTC),
    )


def _event(body: str, *, routed: frozenset[str]) -> _Event:
    """Read an envelope, also out of SNS's.

    :raises Unreadable: it is no JSON, no event, of an unknown kind, or without findings
    """
    document = _json(body)
    if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
        document = _json(document["Message"])
    kind = document.get("detail-type")
    if kind in _WITHOUT_FINDINGS:
        return _Event("", _at(document), ())
    if isinstance(kind, str) and kind in routed:
        return _routed(document, kind)
    if kind not in _SHAPES:
        known = kind if isinstance(kind, str) else "a text that is no event"
        raise Unreadable("detail-type", f"{known} is not known", _REMEDY)
    detail = document.get("detail")
    findings = detail.get("findings") if isinstance(detail, dict) else None
    if (
        not isinstance(findings, list)
        or not findings
        or not all(isinstance(one, dict) for one in findings)
    ):
        raise Unreadable("detail.findings", "holds no findings", _REMEDY)
    return _Event(_SHAPES[kind], _at(document), findings)


def _routed(document: Mapping[str, Any], kind: str) -> _Event:
    detail = document.get("detail")
    if not isinstance(detail, dict):
        raise Unreadable("detail", "is no JSON object", _REMEDY)
    return _Event("", _at(document), (), kind, detail)


def _json(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as e:
        raise Unreadable("message", f"is not JSON ({e})", _REMEDY) from e
    if not isinstance(document, dict):
        raise Unreadable("message", "is no JSON object", _REMEDY)
    return document


def _at(document: Mapping[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(str(document.get("time")))
    except ValueError as e:
        raise Unreadable("time", f"{document.get('time')!r} is no time", _REMEDY) from e
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
