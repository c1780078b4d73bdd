"""How the organisation changes: its state at any moment, as a pure function of the organisation and that moment.

From 26 weeks before the anchor day to the anchor day a story is told (see `sandbox.history.story`); before and after it
a steady process goes on for as long as one likes. `python -m sandbox.history` prints the story as a table.
"""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from sandbox.history import (
    analyzers,
    catalogue,
    control_findings,
    inventory,
    native_findings,
    settings,
)
from sandbox.history.world import world_of
from sandbox.model import Aggregator, AlternateContact, Document, Org, Snapshot
from sandbox.moments import seconds_of
from sandbox.org import accounts
from sandbox.org.accounts import AccountPlan


def snapshot(org: Org, now: datetime) -> Snapshot:
    """Return the organisation as AWS would tell it at that moment.

    :raises TypeError: when `now` is naive.
    """
    moment = seconds_of(now)
    plans = accounts.plans_at(org, moment)
    paths = inventory.paths_of(org)
    with _collector_paused():
        return Snapshot(
            org=org,
            now=now,
            ous=org.ous,
            accounts=tuple(inventory.account_at(org, plan, paths, moment) for plan in plans),
            policies=inventory.policies_at(org, plans, moment),
            enabled_policy_types=inventory.policy_types_at(org, moment),
            delegated_administrators=inventory.delegated_administrators(org),
            service_access_principals=inventory.TRUSTED,
            standards=catalogue.standards(org),
            controls=catalogue.controls_at(org, moment),
            aggregator=_aggregator(org),
            findings=_findings(org, plans, moment),
            analyzers=analyzers.analyzers(org, moment),
            analyzer_findings=tuple(analyzers.findings_at(org, plans, moment)),
            regions={plan.account_id: inventory.regions_of(org, plan) for plan in plans},
            contacts={plan.account_id: _contacts(org, plan, moment) for plan in plans},
        )


def _contacts(org: Org, plan: AccountPlan, moment: int) -> Mapping[str, AlternateContact]:
    # Without findings there is none to agree with, and no world to lay out.
    known = settings.has_security_contact(org, plan, moment) if org.findings != 0 else None
    return inventory.contacts_of(plan, moment, has_security=known)


def _findings(org: Org, plans: list[AccountPlan], moment: int) -> list[Document]:
    if org.findings == 0:
        return []
    world = world_of(org)
    found: list[Document] = []
    for plan in plans:
        found.extend(control_findings.findings_at(world, plan, moment))
        found.extend(native_findings.findings_at(world, plan, moment))
    return found


def _aggregator(org: Org) -> Aggregator:
    base = f"arn:aws:securityhub:{org.home_region}:{org.security_account_id}:finding-aggregator"
    return Aggregator(
        arn=f"{base}/{org.seed:08x}-1b6e-4c3d-9f10-7a2c5e8d4b61",
        home_region=org.home_region,
        linking_mode="SPECIFIED_REGIONS",
        linked_regions=org.regions[1:],
    )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep Python's cycle collector off: it would walk the growing list again and again and find nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
