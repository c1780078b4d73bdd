"""Imports of files: claimed, read in constant memory, taken in page by page, and how they ended."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import islice
from typing import Any, BinaryIO, Final

from django.db.models import Count, Min, Q

from findings.ingest.collected import take_pages
from findings.ingest.controls import load_catalog
from findings.models import Feed, FileImport, QuarantinedFinding
from findings.normalise import batch, payload, reader
from findings.normalise.records import FindingRecord, Page, Rejected, Unreadable
from findings.sources import files

State = FileImport.State
Watch = Callable[[Mapping[str, int], int], None]

# The source of what goes into quarantine.
SOURCE: Final = "FILE"
PAGE: Final = 1000
REASONS_KEPT: Final = 5
# A page of at least so many objects, none of them a finding, is of something else.
ENOUGH_STRANGERS: Final = 50
BEAT_EVERY: Final = timedelta(seconds=1)
STOPPED: Final = "Stopped before its end. Import the file again: that is harmless."
FAULT: Final = "Stopped by a fault of Parapet's own: the log has the details."
GONE: Final = (
    "The worker does not find the uploaded file. Let the web process and the workers share the "
    "folder POSTURE_UPLOAD_DIR, then upload the file again."
)


@dataclass(slots=True)
class Reading:
    """A file on its way into records; after the last page, how it ended."""

    stream: BinaryIO
    name: str
    context: Mapping[str, str]
    shape: str = ""
    refusal: files.Refused | None = None

    def pages(self) -> Iterator[Page]:
        """Pages of the file up to its end, or up to where it is refused."""
        entries = files.read_file(self.stream, context=self.context)
        while chunk := self._chunk(entries):
            page = self._page(chunk)
            if strangers := _strangers(chunk, page):
                self.refusal = strangers
                return
            self.shape = self.shape or _shape_of(chunk)
            yield page

    def _chunk(self, entries: Iterable[files.Entry]) -> list[files.Entry]:
        if self.refusal is not None:
            return []
        found: list[files.Entry] = []
        try:
            for entry in islice(entries, PAGE):
                found.append(entry)  # noqa: PERF402 - what came before a refusal has to stay
        except files.Refused as e:
            self.refusal = e
        return found

    def _page(self, entries: Iterable[files.Entry]) -> Page:
        findings: list[FindingRecord] = []
        rejected: list[Rejected] = []
        for entry in entries:
            if isinstance(entry, files.Unread):
                rejected.append(self._unread(entry))
                continue
            try:
                findings.append(reader.read(entry.raw, context=entry.context))
            except Unreadable as e:
                rejected.append(self._unreadable(entry, e))
        latest = max((record.updated_at for record in findings), default=None)
        return Page(tuple(findings), tuple(rejected), latest)

    def _unread(self, entry: files.Unread) -> Rejected:
        place = self._place(entry.offset, entry.excerpt.encode())
        return Rejected(place, f"{entry.problem}.", entry.excerpt, shape="text")

    def _unreadable(self, entry: files.Found, error: Unreadable) -> Rejected:
        named = batch.source_id(entry.raw)
        place = named or self._place(entry.offset, payload.to_json(entry.raw).encode())
        shape = _shape(entry) or reader.ASFF
        return Rejected(place, str(error), entry.raw, shape, dict(entry.context))

    def _place(self, offset: int, content: bytes) -> str:
        """What to call a thing without an id: the same again when the file is imported again."""
        digest = blake2b(content, digest_size=4).hexdigest()
        return f"{self.name}, byte {offset} ({digest})"


class _Counted(io.RawIOBase):
    """A stream that knows how much of it has been read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.bytes_read = 0

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self.bytes_read += len(content)
        return content


@dataclass(slots=True)
class _Pulse:
    """Tells the page how far an import is, once a second at most."""

    row: FileImport
    stream: _Counted
    clock: Callable[[], datetime]
    watch: Watch
    last: datetime | None = field(default=None)

    def beat(self, counts: Mapping[str, int]) -> None:
        self.watch(counts, self.stream.bytes_read)
        now = self.clock()
        if self.last is not None and now - self.last < BEAT_EVERY:
            return
        self.last = now
        FileImport.objects.filter(pk=self.row.pk, state=State.RUNNING).update(
            heartbeat_at=now, counts=dict(counts), bytes_read=self.stream.bytes_read
        )


def perform(
    import_id: int,
    *,
    clock: Callable[[], datetime],
    stream: BinaryIO | None = None,
    watch: Watch = lambda counts, bytes_read: None,
) -> FileImport | None:
    """Claim the import, take its file in, and write down how it ended.

    Returns None when somebody else has it. An upload is opened where it lies and deleted
    afterwards; `stream` is the file of somebody who has it open already. `watch` is told, after each
    batch, the counts so far and the bytes that have been read.
    """
    now = clock()
    pending = FileImport.objects.filter(pk=import_id, state=State.PENDING)
    if not pending.update(state=State.RUNNING, heartbeat_at=now):
        return None
    row = FileImport.objects.select_related("organization").get(pk=import_id)
    try:
        with stream or row.path.open("rb") as opened:
            ended = _take(row, _Pulse(row, _Counted(opened), clock, watch), as_of=now)
    except FileNotFoundError:
        ended = {"state": State.FAILED, "error": GONE}
    except (Exception, KeyboardInterrupt) as e:
        error = STOPPED if isinstance(e, KeyboardInterrupt) else FAULT
        _finish(row, {"state": State.FAILED, "error": error}, now=clock())
        raise
    _finish(row, ended, now=clock())
    return row


def _take(row: FileImport, pulse: _Pulse, *, as_of: datetime) -> dict[str, Any]:
    # The stream only reads: that is all a file of findings is asked for.
    reading = Reading(pulse.stream, name=row.name, context=row.context)  # type: ignore[arg-type]
    tally = take_pages(
        reading.pages(),
        organization=row.organization,
        catalog=load_catalog(row.organization),
        feed=Feed.FILE,
        source=SOURCE,
        as_of=as_of,
        beat=pulse.beat,
    )
    return {
        "state": State.REFUSED if reading.refusal else State.COMPLETE,
        "error": str(reading.refusal or ""),
        "shape": reading.shape,
        "counts": dict(tally.counts),
        "reasons": _reasons(row, as_of) if tally.counts["quarantined"] else [],
        "bytes_read": pulse.stream.bytes_read,
    }


def _finish(row: FileImport, values: Mapping[str, Any], *, now: datetime) -> None:
    mine = FileImport.objects.filter(pk=row.pk, state=State.RUNNING)
    if mine.update(**values, finished_at=now, heartbeat_at=now) and row.stored_as:
        row.path.unlink(missing_ok=True)
    row.refresh_from_db()


def _reasons(row: FileImport, as_of: datetime) -> list[dict[str, Any]]:
    """Why findings of this import went into quarantine, the most frequent reasons first."""
    met = Q(first_seen_at=as_of) | Q(last_seen_at=as_of)
    rows = QuarantinedFinding.objects.filter(met, organization=row.organization, source=SOURCE)
    found = rows.values("reason").annotate(findings=Count("pk"), example=Min("source_id"))
    return [dict(reason) for reason in found.order_by("-findings", "reason")[:REASONS_KEPT]]


def _strangers(entries: list[files.Entry], page: Page) -> files.Refused | None:
    """The refusal of a file that is JSON, and holds no findings from here on."""
    if page.findings or len(entries) < ENOUGH_STRANGERS or any(_shape(e) for e in entries):
        return None
    problem = f"none of the {len(entries)} objects from here on is a finding"
    remedy = f"The first: {page.rejected[0].reason}".rstrip(".")
    return files.Refused(entries[0].offset, problem, remedy)


def _shape_of(entries: list[files.Entry]) -> str:
    return next((shape for entry in entries if (shape := _shape(entry))), "")


def _shape(entry: files.Entry) -> str:
    if isinstance(entry, files.Unread):
        return ""
    try:
        return reader.shape_of(entry.raw)
    except Unreadable:
        return ""
