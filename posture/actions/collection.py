"""What comes after what in a collection."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Subquery

from invariants.models import Invariant
from inventory import actions
from inventory.models import Account, AccountFact, Collection, CollectionRun, Organization
from inventory.queries import coverage
from posture.actions import webhooks
from posture.models import RollupState
from posture.policies.webhooks import COLLECTION_FAILED, COLLECTION_PARTIAL

Source = CollectionRun.Source
Stage = Collection.Stage

# While this row stands, a past is being collected: the present must not be written in between.
HISTORY = "history"
# Accounts seldom switch Regions on or off, and each is asked by a call of its own.
REGIONS_HOLD = timedelta(days=30)
# Thirty calls an account each week would be most of a replayed past: a quarter of them is asked a week.
HISTORY_FACTS_EVERY = timedelta(days=28)
HISTORY_FACTS_PARTS = 4
# Accounts whose settings are asked in one pass: a few minutes with a few workers.
FACTS_AT_ONCE = 200
# A whole reading of the services' member lists is dear; one that failed is not repeated each quarter hour.
RETRY_HOLD = timedelta(hours=1)

_BAD_ENDS: Final[Mapping[str, str]] = {
    Collection.State.FAILED: COLLECTION_FAILED,
    Collection.State.PARTIAL: COLLECTION_PARTIAL,
}
NEXT: Final[Mapping[str, Stage]] = {
    Stage.INVENTORY: Stage.CATALOGUE,
    Stage.CATALOGUE: Stage.FINDINGS,
    Stage.FINDINGS: Stage.ROLLUP,
}


def is_history_under_way() -> bool:
    return RollupState.objects.filter(name=HISTORY).exists()


def needs_full_sweep(*, as_of: datetime) -> bool:
    """Whether the last full pass is too old: only a full one notices what has vanished."""
    full = Collection.objects.filter(is_full=True).exclude(state=Collection.State.FAILED)
    return not full.filter(as_of__gt=full_since(as_of)).exists()


def full_since(as_of: datetime) -> datetime:
    """What was read in full after this moment need not be so as of then."""
    return as_of - timedelta(hours=settings.POSTURE_FULL_SWEEP_EVERY_HOURS)


def advance(collection_id: int, *, now: datetime) -> tuple[Stage, list[CollectionRun]] | None:
    """Move the collection to its next stage when every run of this one has ended.

    Returns the stage and the runs to enqueue, or None when there is nothing to do (yet, or
    any more). The row lock lets only one caller move it.
    """
    with transaction.atomic():
        running = Collection.objects.select_for_update().filter(state=Collection.State.RUNNING)
        collection = running.filter(pk=collection_id).first()
        if collection is None or collection.stage not in NEXT:
            return None
        organization = _organization_of(collection)
        runs: list[CollectionRun] = []
        # A stage without anything left to run is passed over at once.
        while not runs and collection.stage in NEXT and not _is_busy(collection):
            if organization is None:
                finish(collection, now=now)
                return None
            collection.stage = NEXT[collection.stage]
            scopes = _scopes(collection, organization)
            runs = actions.add_runs(
                collection,
                scopes,
                organization=organization,
                now=now,
                full_since=full_since(collection.as_of),
            )
        if not runs and collection.stage in NEXT:
            return None
        collection.save(update_fields=["stage"])
        return Stage(collection.stage), runs


@transaction.atomic
def finish(collection: Collection, *, now: datetime) -> None:
    """Close the pass, and announce it where something could not be read."""
    actions.finish_collection(collection, now=now)
    collection.refresh_from_db(fields=["state", "finished_at"])
    event = _BAD_ENDS.get(collection.state)
    organization = _organization_of(collection)
    # Closed by somebody else at another moment: they have announced it.
    if event and organization is not None and collection.finished_at == now:
        told = {"collection": collection.pk}
        webhooks.announce(event, told, organization=organization, now=now)


def _is_busy(collection: Collection) -> bool:
    return collection.runs.unfinished().exists()


def _organization_of(collection: Collection) -> Organization | None:
    """The organisation that the inventory run found, else the one known from before."""
    run = collection.runs.filter(source=Source.ORGANIZATIONS).select_related("organization").first()
    if run is not None and run.organization is not None:
        return run.organization
    return Organization.objects.order_by("pk").first()


def _scopes(collection: Collection, organization: Organization) -> list[tuple[str, str, str]]:
    if collection.stage == Stage.CATALOGUE:
        accounts = _accounts_to_ask(organization, as_of=collection.as_of)
        return [
            (Source.REGIONS, "", ""),
            (Source.CONTROLS, "", ""),
            *((Source.REGIONS, account_id, "") for account_id in accounts),
            *(
                (Source.ACCOUNT_FACTS, account_id, "")
                for account_id in _facts_scopes(collection, organization)
            ),
        ]
    if collection.stage != Stage.FINDINGS:
        return []
    enabled = _enabled_regions(organization)
    # Without an aggregator every Region holds its own findings; with one, its home has them all.
    is_aggregated = organization.aggregation_mode not in {"", "NONE"}
    hubs = [""] if is_aggregated or not organization.aggregation_mode else enabled
    return [
        *((Source.SECURITY_HUB, "", region) for region in hubs),
        *((Source.ACCESS_ANALYZER, "", region) for region in enabled),
        *_coverage_scopes(collection, organization),
        *_effective_scopes(collection, organization),
    ]


def facts_every(as_of: datetime) -> timedelta:
    """How often each account is asked for its settings; nothing: nobody asks."""
    set_to = timedelta(hours=settings.POSTURE_FACTS_EVERY_HOURS)
    return HISTORY_FACTS_EVERY if set_to and is_replayed(as_of) else set_to


def is_replayed(as_of: datetime) -> bool:
    return RollupState.objects.filter(name=HISTORY, as_of__gt=as_of).exists()


def _coverage_scopes(
    collection: Collection, organization: Organization
) -> list[tuple[str, str, str]]:
    """Regions in which it is time to ask which security services are on; "" is Identity Center.

    What could not be read is asked again after RETRY_HOLD, or at once when a person collects.
    """
    # A past that is replayed asks as well: these are a few calls a Region, not thirty an account.
    every = timedelta(hours=settings.POSTURE_FACTS_EVERY_HOURS)
    if not every:
        return []
    runs = CollectionRun.objects.filter(source=Source.SERVICE_COVERAGE, organization=organization)
    done = Q(
        state__in=[CollectionRun.State.COMPLETE, CollectionRun.State.NOT_CONFIGURED],
        collection__as_of__gt=collection.as_of - every,
    )
    if collection.requested_by:
        done &= Q(state=CollectionRun.State.COMPLETE)
    else:
        done |= Q(collection__as_of__gt=collection.as_of - RETRY_HOLD)
    fresh = set(runs.filter(done).values_list("region", flat=True))
    regions = ("", *coverage.regions_in_use(organization))
    return [(Source.SERVICE_COVERAGE, "", region) for region in regions if region not in fresh]


def _effective_scopes(
    collection: Collection, organization: Organization
) -> list[tuple[str, str, str]]:
    """Where this pass has read the policies, and an invariant says which values have to be in force."""
    read = collection.runs.filter(
        source=Source.ORGANIZATIONS, is_full=True, state=CollectionRun.State.COMPLETE
    )
    is_wanted = read.exists() and Invariant.objects.setting_values(organization).exists()
    return [(Source.EFFECTIVE_POLICIES, "", "")] if is_wanted else []


def _facts_scopes(collection: Collection, organization: Organization) -> list[str]:
    """Accounts that it is time to ask for their settings, those that wait longest first; "" is all of them.

    A refusal holds as long as an answer does, unless a person collects; a failure for RETRY_HOLD. At most
    FACTS_AT_ONCE accounts, so that the findings are not kept waiting: the others come with the next passes.
    """
    every = collection.facts_every
    if every is None:
        every = facts_every(collection.as_of)
    if not every:
        return []
    parts = HISTORY_FACTS_PARTS if is_replayed(collection.as_of) else 1
    runs = CollectionRun.objects.filter(source=Source.ACCOUNT_FACTS, organization=organization)
    told = [CollectionRun.State.COMPLETE, CollectionRun.State.NOT_CONFIGURED]
    if not collection.requested_by:
        told += [CollectionRun.State.PARTIAL, CollectionRun.State.DENIED]
    done = Q(state__in=told, collection__as_of__gt=collection.as_of - every / parts)
    if not collection.requested_by:
        done |= Q(collection__as_of__gt=collection.as_of - RETRY_HOLD)
    fresh = set(runs.filter(done).values_list("account_id", flat=True))
    asked = (
        runs.filter(account_id=OuterRef("account_id")).order_by("-pk").values("collection__as_of")
    )
    active = Account.objects.live().filter(organization=organization, state="ACTIVE")
    waiting = (
        active.exclude(account_id__in=fresh)
        .annotate(asked_at=Subquery(asked[:1]))
        .order_by(F("asked_at").asc(nulls_first=True), "account_id")
    )
    at_once = FACTS_AT_ONCE
    if parts > 1:
        # New ones at once, so that nothing is unknown for longer than it was, and a part of the others.
        part = -(-active.count() // parts)
        at_once = min(at_once, waiting.filter(asked_at=None).count() + part)
    accounts = list(waiting.values_list("account_id", flat=True)[:at_once])
    return accounts if "" in fresh else ["", *accounts]


def _accounts_to_ask(organization: Organization, *, as_of: datetime) -> list[str]:
    """ACTIVE accounts whose Regions nobody has told for long: a new one, or one that refused."""
    told = AccountFact.objects.filter(
        account=OuterRef("pk"), key="region.status", as_of__gt=as_of - REGIONS_HOLD
    )
    accounts = Account.objects.live().filter(organization=organization, state="ACTIVE")
    asked = accounts.exclude(Exists(told)).exclude(account_id=actions.hub_account_id())
    return list(asked.order_by("account_id").values_list("account_id", flat=True))


def _enabled_regions(organization: Organization) -> list[str]:
    account = Account.objects.filter(
        organization=organization, account_id=actions.hub_account_id()
    ).first()
    facts = AccountFact.objects.filter(
        account=account, key="region.status", value__in=["ENABLED", "ENABLED_BY_DEFAULT"]
    )
    regions = list(facts.order_by("region").values_list("region", flat=True))
    return regions or [organization.home_region or settings.POSTURE_HOME_REGION]
