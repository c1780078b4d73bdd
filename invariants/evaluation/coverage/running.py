"""One evaluation of an organisation: read, decide, write what has changed, and say how it went."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from invariants import catalog
from invariants.evaluation.coverage import as_code, read, writing
from invariants.evaluation.coverage.evaluating import evaluate
from invariants.evaluation.coverage.writing import Keys
from invariants.models import CoverageRun, InvariantVersion
from invariants.queries import catalogue as loaded
from invariants.queries.exceptions import asked as exceptions
from inventory.models import Account, Organization

_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('invariants.coverage'))"
_RUNS_KEPT: Final = timedelta(days=90)


@transaction.atomic
def run(organization: Organization, *, now: datetime) -> CoverageRun:
    """Evaluate all invariants in all accounts as of `now`, and write what has changed.

    Safe to run twice; two at once wait for each other. PARTIAL where the policies were not read as a
    whole: then nothing has become better, and `why` says what was not read.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME)
    catalogue = loaded.catalogue_of(organization)
    world = replace(read.world(organization), approved=exceptions.in_force(organization, now=now))
    freshness = read.freshness(organization, now=now)
    evaluation = evaluate(world, catalogue, now=now)
    accounts = Account.objects.live().filter(organization=organization)
    keys = Keys(
        organization.pk,
        loaded.keys(organization),
        dict(accounts.values_list("account_id", "pk")),
    )
    places = _places(organization)
    written = writing.write(
        evaluation,
        world,
        keys,
        freshness=freshness,
        sums_all=places != _places_before(organization),
        now=now,
    )
    if freshness.is_whole:
        code = as_code.Code(_proven(organization, catalogue))
        found = as_code.standings(world, code)
        as_code.write_days(organization.pk, world, found, now.date())
    return _record(
        organization,
        freshness,
        {
            "invariants": len(keys.invariants),
            "accounts": len(keys.accounts),
            "groups": len(evaluation.groups),
            "turned": written.turned,
            "proofs": written.proofs,
            "places": places,
        },
        now=now,
    )


def record_failure(organization: Organization, error: Exception, *, now: datetime) -> CoverageRun:
    """Say that an evaluation failed: what was written before stays, and pages show its older moment."""
    why = f"{type(error).__name__}: {error}".strip()[:1000]
    return CoverageRun.objects.create(
        organization=organization, at=now, state=CoverageRun.State.FAILED, why=why
    )


def _record(
    organization: Organization,
    freshness: read.Freshness,
    counts: dict[str, Any],
    *,
    now: datetime,
) -> CoverageRun:
    state = CoverageRun.State.COMPLETE if freshness.is_whole else CoverageRun.State.PARTIAL
    runs = CoverageRun.objects.filter(organization=organization)
    runs.filter(at__lt=now - _RUNS_KEPT).delete()
    return CoverageRun.objects.create(
        organization=organization, at=now, state=state, why=freshness.why, counts=counts
    )


def _proven(
    organization: Organization, catalogue: catalog.Catalogue
) -> Iterator[catalog.Invariant]:
    """The invariants whose own policies pass their own probes, as it was found when they were loaded."""
    versions = InvariantVersion.objects.filter(
        invariant__organization=organization, invariant__gone_at=None, replaced_at=None
    )
    for key, reading in versions.values_list("invariant__key", "reading"):
        if key in catalogue.entries and not reading.get("probes", {}).get("failed", True):
            yield catalogue[key]


def _places(organization: Organization) -> str:
    """A digest of where all accounts are: while it is the same, sums move by what has turned alone."""
    accounts = Account.objects.live().filter(organization=organization)
    rows = accounts.order_by("pk").values_list("pk", "ou_id", "ou__path")
    return hashlib.sha256(repr(list(rows)).encode()).hexdigest()


def _places_before(organization: Organization) -> str:
    runs = CoverageRun.objects.filter(organization=organization)
    last = runs.exclude(state=CoverageRun.State.FAILED).order_by("-pk").first()
    return str(last.counts.get("places", "")) if last else ""
