"""Collection of controls and findings. A task claims its run, works, and sends the task `then`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from celery import current_app, shared_task
from django.conf import settings
from django.utils import timezone

from findings import ingest
from findings.actions import imports
from findings.ingest import decided, events, files, retention, upkeep, write_back
from findings.models import QueueFeed, UpkeepRun
from findings.normalise.records import Page
from findings.sources import access_analyzer, event_queue, security_hub, security_hub_v2
from inventory import actions, aws
from inventory.models import CollectionRun, Organization
from inventory.tasks import door, finish

# Findings of linked Regions and of BatchUpdateFindings arrive late by minutes.
OVERLAP = timedelta(minutes=15)
# Which of the two APIs of Security Hub is read: each has the same findings.
HUBS: Final[dict[str, decided.Reader]] = {"v1": security_hub, "v2": security_hub_v2}
# After a batch of events, at most one rollup in this time.
ROLL_UP_EVERY = timedelta(seconds=5)
# What one task takes from the queue at most, so that others get their turn.
DRAINED = 20
WRITE_BACK = "findings.write_back"
IMPORT_FILE = "findings.import_file"
# What retention has not done by then, it does the next night.
RETAINED_FOR = timedelta(minutes=30)


@shared_task(name="findings.collect_controls")
def collect_controls(*, run_id: int, then: str, **_: Any) -> str | None:
    return finish(then, run_id, actions.perform(run_id, _read_controls, clock=timezone.now))


@shared_task(name="findings.collect_security_hub")
def collect_security_hub(*, run_id: int, then: str, **_: Any) -> str | None:
    return finish(then, run_id, actions.perform(run_id, _read_hub, clock=timezone.now))


@shared_task(name="findings.collect_access_analyzer")
def collect_access_analyzer(*, run_id: int, then: str, **_: Any) -> str | None:
    return finish(then, run_id, actions.perform(run_id, _read_analyzers, clock=timezone.now))


@shared_task(name="findings.consume_events")
def consume_events(**_: Any) -> int | None:
    """Take what is in the queue, for an installation without a process of its own for that."""
    organization = Organization.objects.order_by("pk").first()
    if not settings.POSTURE_EVENT_QUEUE_URL or organization is None:
        return None
    feed = events.feed_of(
        organization, queue_url=settings.POSTURE_EVENT_QUEUE_URL, now=timezone.now()
    )
    client = event_client(feed.queue_url)
    roll_ups, received = RollUps(), 0
    for _number in range(DRAINED):
        try:
            messages = event_queue.receive(client, queue_url=feed.queue_url, wait_seconds=1)
            taken = take_events(feed, client, messages)
        except aws.SourceError as error:
            events.note_error(feed, error, now=timezone.now())
            raise
        if taken is None:
            break
        received += taken.counts["received"]
        if taken.is_news:
            roll_ups.ask(now=timezone.now())
        if taken.is_last:
            break
    return received


@shared_task(
    name=WRITE_BACK,
    autoretry_for=(aws.Throttled, aws.Unavailable),
    retry_backoff=10,
    retry_backoff_max=600,
    retry_jitter=True,
    max_retries=20,
)
def write_findings_back(*, action_id: int, **_: Any) -> str | None:
    if not settings.POSTURE_WRITE_BACK:
        return write_back.refuse(action_id, why=write_back.SWITCHED_OFF, now=timezone.now())
    state = write_back.perform(action_id, road=_road(), clock=timezone.now)
    if state is not None:
        RollUps().ask(now=timezone.now())
    return state


@shared_task(name="findings.write_back_rescue")
def rescue_write_back(**_: Any) -> int:
    silent_for = timedelta(seconds=settings.POSTURE_RUN_SILENT_SECONDS)
    found = write_back.rescue(now=timezone.now(), silent_for=silent_for)
    for action_id in found:
        current_app.send_task(WRITE_BACK, kwargs={"action_id": action_id})
    return len(found)


@dataclass(slots=True)
class RollUps:
    """Asks for rollups, at most one in ROLL_UP_EVERY: what is asked for meanwhile waits for the next."""

    due_at: datetime | None = None

    def ask(self, *, now: datetime) -> None:
        if self.due_at is not None and self.due_at > now:
            return
        self.due_at = max(now, self.due_at + ROLL_UP_EVERY) if self.due_at else now
        wait = (self.due_at - now).total_seconds()
        current_app.send_task("posture.roll_up", countdown=wait or None)


def take_events(
    feed: QueueFeed, client: aws.Client, messages: Sequence[event_queue.Message]
) -> events.Taken | None:
    """Take in what was received, and say on the feed's row that somebody looked; None for nothing.

    :raises SourceError: any of the family
    """
    if not messages:
        events.note_idle(feed, now=timezone.now())
        return None
    api = settings.POSTURE_SECURITY_HUB_API
    return events.take(messages, client=client, feed=feed, api=api, clock=timezone.now)


def event_client(queue_url: str) -> aws.Client:
    """Who reads the queue: the hub role, in the Region that the queue's address names."""
    return door().client("sqs", region=event_queue.region_of(queue_url))


def _road() -> write_back.Road:
    organization = Organization.objects.order_by("pk").first()
    home = organization.home_region if organization else ""
    return write_back.Road(
        client_of=lambda region: door().write_client(
            "securityhub", region=region or home or settings.POSTURE_HOME_REGION
        ),
        api=settings.POSTURE_SECURITY_HUB_API,
        is_regional=organization is not None and organization.aggregation_mode == "NONE",
    )


def _read_controls(run: CollectionRun, _: actions.Pulse) -> actions.Outcome:
    client = door().client("securityhub")
    home = security_hub.read_home(client)
    organization = _organization(run)
    organization.home_region = home.home_region
    organization.aggregation_mode = home.mode
    organization.linked_regions = sorted(home.linked_regions)
    organization.save(update_fields=["home_region", "aggregation_mode", "linked_regions"])
    standards = ingest.store_standards(organization, security_hub.read_standards(client))
    controls = ingest.store_controls(
        organization, security_hub.read_controls(client), as_of=run.collection.as_of
    )
    ingest.reclock_new(organization, now=run.collection.as_of)
    return actions.Outcome(counts={"standards": standards, "controls": controls})


def _read_hub(run: CollectionRun, pulse: actions.Pulse) -> actions.Outcome:
    region = run.region or _organization(run).home_region or settings.POSTURE_HOME_REGION
    client = door().client("securityhub", region=region)
    hub = HUBS[settings.POSTURE_SECURITY_HUB_API]
    pages = hub.read_findings(client, updated_since=_since(run), region=run.region or None)
    outcome = _take_in(run, pages, pulse, left_out=events.READ_DIRECTLY)
    if run.is_full:
        return outcome
    workflow = decided.take_decided(
        hub,
        client,
        run=run,
        catalog=ingest.load_catalog(_organization(run)),
        beat=lambda counts: pulse.beat({**outcome.counts, "workflow_read": counts["unchanged"]}),
        left_out=events.READ_DIRECTLY,
    )
    return replace(outcome, counts={**outcome.counts, **workflow})


def _read_analyzers(run: CollectionRun, pulse: actions.Pulse) -> actions.Outcome:
    client = door().client("accessanalyzer", region=run.region)
    analyzers = access_analyzer.read_analyzers(client)
    active = [analyzer for analyzer in analyzers if analyzer.status == "ACTIVE"]
    asleep = [analyzer for analyzer in analyzers if analyzer.status != "ACTIVE"]
    problems = tuple(
        _not_analysed(run, f"{analyzer.name} is {analyzer.status} ({analyzer.status_reason}).")
        for analyzer in asleep
    )
    if not active:
        raise problems[0] if problems else _not_analysed(run, "There is no analyzer.")
    pages = (
        page
        for analyzer in active
        for page in access_analyzer.read_findings(client, analyzer=analyzer)
    )
    spared = [analyzer.arn for analyzer in asleep]
    return _take_in(run, pages, pulse, spared=spared, problems=problems)


def _not_analysed(run: CollectionRun, detail: str) -> aws.NotConfigured:
    """An analyzer that is not there or not ACTIVE finds nothing, which is no good news."""
    return aws.NotConfigured(
        detail, service="accessanalyzer", operation="ListAnalyzers", region=run.region
    )


def _take_in(
    run: CollectionRun,
    pages: Iterable[Page],
    pulse: actions.Pulse,
    *,
    left_out: frozenset[str] = frozenset(),
    spared: Sequence[str] = (),
    problems: tuple[aws.SourceError, ...] = (),
) -> actions.Outcome:
    catalog = ingest.load_catalog(_organization(run))
    tally = ingest.take_in(pages, run=run, catalog=catalog, beat=pulse.beat, left_out=left_out)
    if run.is_full:
        tally.counts["vanished"] = ingest.sweep_vanished(
            run, as_of=run.collection.as_of, spared=spared
        )
    return actions.Outcome(counts=tally.counts, watermark=tally.watermark, problems=problems)


def _since(run: CollectionRun) -> datetime | None:
    """From where an incremental run reads on; None reads everything."""
    if run.is_full:
        return None
    last = CollectionRun.objects.filter(
        organization=run.organization,
        source=run.source,
        account_id=run.account_id,
        region=run.region,
        state=CollectionRun.State.COMPLETE,
        watermark__isnull=False,
    )
    newest = last.order_by("-watermark", "-pk").values_list("watermark", flat=True).first()
    return newest - OVERLAP if newest else None


def _organization(run: CollectionRun) -> Organization:
    if run.organization is None:
        raise aws.NotConfigured(
            "The inventory has not been collected yet.", service="organizations", operation=""
        )
    return run.organization


@shared_task(name="findings.retain")
def retain(**_: Any) -> dict[str, int] | None:
    """Remove what is older than the settings say; None while another worker is at it."""
    now = timezone.now()
    asked = UpkeepRun.objects.ask(UpkeepRun.Kind.RETENTION, now=now)
    run = UpkeepRun.objects.claim(asked.pk, now=now) if asked else None
    if run is None:
        return None
    terms = retention.Terms(
        payload_days=settings.POSTURE_KEEP_PAYLOAD_DAYS,
        closed_days=settings.POSTURE_KEEP_CLOSED_DAYS,
        run_days=settings.POSTURE_KEEP_RUN_DAYS,
    )
    until = now + RETAINED_FOR
    return retention.work_off(run, terms, now=now, clock=timezone.now, until=until)


@shared_task(name="findings.retry_quarantine")
def retry_quarantine(*, run_id: int, **_: Any) -> dict[str, int] | None:
    """Read the quarantine again; None when another worker has this round."""
    run = UpkeepRun.objects.claim(run_id, now=timezone.now())
    if run is None:
        return None
    counts = upkeep.retry_quarantine(run, clock=timezone.now)
    current_app.send_task("posture.roll_up")
    return counts


@shared_task(name="findings.reclock")
def reclock(**_: Any) -> int:
    """Give the open findings that have another version of the due-date rules their dates anew."""
    changed = ingest.reclock_outdated()
    if changed:
        current_app.send_task("posture.roll_up")
    return changed


@shared_task(name=IMPORT_FILE)
def import_file(*, import_id: int, **_: Any) -> str | None:
    """Take an uploaded file in; None when another worker has it."""
    row = files.perform(import_id, clock=timezone.now)
    if row is None:
        return None
    current_app.send_task("posture.roll_up")
    return row.state


@shared_task(name="findings.rescue_imports")
def rescue_imports(**_: Any) -> int:
    now = timezone.now()
    rows = imports.rescue(
        now=now, silent_for=timedelta(seconds=settings.POSTURE_RUN_SILENT_SECONDS)
    )
    for row in rows:
        current_app.send_task(IMPORT_FILE, kwargs={"import_id": row.pk})
    imports.remove_strays(now=now)
    return len(rows)
