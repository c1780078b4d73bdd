"""Collection of controls and findings. A task claims its run, works, and sends the task `then`."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from findings import ingest
from findings.normalise.records import Page
from findings.sources import access_analyzer, security_hub
from inventory import actions, aws
from inventory.models import CollectionRun, Organization
from inventory.tasks import door, finish

# Findings of linked Regions and of BatchUpdateFindings arrive late by minutes.
OVERLAP = timedelta(minutes=15)
# Security Hub repeats these findings, grouped and incomplete; the analyzers have them whole.
READ_DIRECTLY = frozenset({"access-analyzer"})


@shared_task(name="findings.collect_controls")
def collect_controls(*, run_id: int, then: str, **_: Any) -> str | None:
    return finish(then, run_id, actions.perform(run_id, _read_controls, clock=timezone.now))


@shared_task(name="findings.collect_security_hub")
def collect_security_hub(*, run_id: int, then: str, **_: Any) -> str | None:
    return finish(then, run_id, actions.perform(run_id, _read_hub, clock=timezone.now))


@shared_task(name="findings.collect_access_analyzer")
def collect_access_analyzer(*, run_id: int, then: str, **_: Any) -> str | None:
    return finish(then, run_id, actions.perform(run_id, _read_analyzers, clock=timezone.now))


def _read_controls(run: CollectionRun, _: actions.Pulse) -> actions.Outcome:
    client = door().client("securityhub")
    home = security_hub.read_home(client)
    organization = _organization(run)
    organization.home_region = home.home_region
    organization.aggregation_mode = home.mode
    organization.linked_regions = sorted(home.linked_regions)
    organization.save(update_fields=["home_region", "aggregation_mode", "linked_regions"])
    standards = ingest.store_standards(organization, security_hub.read_standards(client))
    controls = ingest.store_controls(organization, security_hub.read_controls(client))
    return actions.Outcome(counts={"standards": standards, "controls": controls})


def _read_hub(run: CollectionRun, pulse: actions.Pulse) -> actions.Outcome:
    region = run.region or _organization(run).home_region or settings.POSTURE_HOME_REGION
    client = door().client("securityhub", region=region)
    pages = security_hub.read_findings(client, updated_since=_since(run), region=run.region or None)
    return _take_in(run, pages, pulse, left_out=READ_DIRECTLY)


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
