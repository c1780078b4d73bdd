"""The organisation as the server answers for it: its clock, its versions, and what callers changed in findings."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from time import monotonic
from typing import Any

from sandbox import history
from sandbox.history import merged
from sandbox.history.org_changes import Change
from sandbox.history.services import ServiceState, services_at
from sandbox.model import (
    Account,
    Analyzer,
    AnalyzerFinding,
    Control,
    Org,
    OrganizationalUnit,
    Policy,
    Snapshot,
)
from sandbox.moments import seconds_of
from sandbox.org import accounts
from sandbox.org.accounts import AccountPlan
from sandbox.server.paging import BadToken
from sandbox.server.security_hub.edits import Edit, FindingKey
from sandbox.server.security_hub.store import FindingStore

OnChange = Callable[["Moment", Sequence[int], bool], None]
"""Told of changed findings: version, rows, and whether time changed them rather than a caller."""

ENABLED_REGION_STATES = ("ENABLED", "ENABLED_BY_DEFAULT")
# A sweep under way keeps reading the version that it began with, while others already read newer ones.
_KEPT_VERSIONS = 3
_FOLLOW_SECONDS = 60.0
# Following real time must not cost more than a twentieth of it.
_FOLLOW_TIMES_BUILD = 20


class Moment:
    """One version of the organisation, with the indexes that answers need (built when first asked for)."""

    def __init__(
        self,
        version: int,
        snapshot: Snapshot,
        edits: Mapping[FindingKey, Edit],
        changes: Sequence[Change] = (),
    ) -> None:
        self.version = version
        self.merged = tuple(changes)
        """What was changed in the organisation while the sandbox runs."""
        self.snapshot = merged.apply(snapshot, self.merged)
        self.findings = FindingStore(snapshot.findings, edits)
        self._services: dict[str, Mapping[str, ServiceState]] = {}

    @property
    def org(self) -> Org:
        return self.snapshot.org

    @property
    def now(self) -> datetime:
        return self.snapshot.now

    @cached_property
    def accounts(self) -> dict[str, Account]:
        return {account.account_id: account for account in self.snapshot.accounts}

    @cached_property
    def plans(self) -> dict[str, AccountPlan]:
        """The whole lives of the accounts, which their settings are told from."""
        plans = accounts.plans_at(self.org, seconds_of(self.now))
        return {plan.account_id: plan for plan in plans}

    @cached_property
    def ous(self) -> dict[str, OrganizationalUnit]:
        return {ou.ou_id: ou for ou in self.snapshot.ous}

    @cached_property
    def accounts_of(self) -> dict[str, list[Account]]:
        """Accounts by the id of the root or OU that holds them."""
        found: dict[str, list[Account]] = {}
        for account in self.snapshot.accounts:
            found.setdefault(account.parent_id, []).append(account)
        return found

    @cached_property
    def ous_of(self) -> dict[str, list[OrganizationalUnit]]:
        """OUs by the id of the root or OU right above them."""
        found: dict[str, list[OrganizationalUnit]] = {}
        for ou in self.snapshot.ous:
            found.setdefault(ou.parent_id, []).append(ou)
        return found

    @cached_property
    def policies(self) -> dict[str, Policy]:
        return {policy.policy_id: policy for policy in self.snapshot.policies}

    @cached_property
    def policies_of(self) -> dict[str, list[Policy]]:
        """Policies by the id of the root, OU or account that they are attached to."""
        found: dict[str, list[Policy]] = {}
        for policy in self.snapshot.policies:
            for target_id in policy.target_ids:
                found.setdefault(target_id, []).append(policy)
        return found

    @cached_property
    def services_of(self) -> dict[str, list[str]]:
        """Service principals by the account that is their delegated administrator."""
        found: dict[str, list[str]] = {}
        for delegated in self.snapshot.delegated_administrators:
            found.setdefault(delegated.account_id, []).append(delegated.service_principal)
        return found

    @cached_property
    def controls(self) -> dict[str, Control]:
        return {control.control_id: control for control in self.snapshot.controls}

    @cached_property
    def analyzers(self) -> dict[str, Analyzer]:
        return {analyzer.arn: analyzer for analyzer in self.snapshot.analyzers}

    @cached_property
    def analyzer_findings(self) -> dict[str, list[AnalyzerFinding]]:
        """Access Analyzer findings by analyzer ARN."""
        found: dict[str, list[AnalyzerFinding]] = {}
        for finding in self.snapshot.analyzer_findings:
            found.setdefault(finding.analyzer_arn, []).append(finding)
        return found

    def services(self, region: str) -> Mapping[str, ServiceState]:
        """What the security services cover in a Region, by account id."""
        if region not in self._services:
            self._services[region] = services_at(self.org, region, self.now)
        return self._services[region]

    def is_region_on(self, account_id: str, region: str) -> bool:
        """Tell whether an account may use a Region that the organisation works in."""
        return region in self.org.regions and any(
            entry.region == region and entry.status in ENABLED_REGION_STATES
            for entry in self.snapshot.regions.get(account_id, ())
        )

    def has_hub(self, account_id: str, region: str) -> bool:
        """Tell whether Security Hub is on in an account and Region."""
        account = self.accounts.get(account_id)
        return bool(account and account.state == "ACTIVE") and self.is_region_on(account_id, region)

    def path_to(self, target_id: str) -> list[str]:
        """Ids from the root down to an OU or account, both ends included; empty when there is no such target."""
        if target_id == self.org.root_id:
            return [target_id]
        node = self.accounts.get(target_id) or self.ous.get(target_id)
        return [*self.path_to(node.parent_id), target_id] if node else []


def _nobody_listens(moment: Moment, rows: Sequence[int], by_time: bool) -> None:
    """Stand in until somebody listens."""


class World:
    """The versions of the organisation, newest last.

    With a clock set, a version stands until the clock is set again, and the old ones are gone at once. Without, the
    organisation follows real time: a request without a token rebuilds it when it is older than a minute.
    """

    def __init__(
        self, org: Org, *, now: datetime | None, real_time: Callable[[], datetime]
    ) -> None:
        self.org = org
        self._real_time = real_time
        self._set_now = now
        self._lock = threading.RLock()
        self._versions: deque[Moment] = deque(maxlen=_KEPT_VERSIONS)
        self._next_version = 1
        self._built_at = 0.0
        self._build_seconds = 0.0
        self._edits: dict[FindingKey, Edit] = {}
        self._changes: list[Change] = []
        self.on_change: OnChange = _nobody_listens

    def set_clock(self, now: datetime | None) -> Moment:
        """Move the organisation to a moment, or let it follow real time again (None)."""
        with self._lock:
            self._set_now = now
            self._versions.clear()
            return self._build()

    @property
    def is_clock_set(self) -> bool:
        """Tell whether the organisation stands at a set moment instead of following real time."""
        return self._set_now is not None

    def moment(self, version: int | None = None) -> Moment:
        """Give the newest version, or the one that a token names.

        :raises BadToken: when that version is gone
        """
        with self._lock:
            if version is None:
                return self._build() if self._is_old() else self._versions[-1]
            for moment in self._versions:
                if moment.version == version:
                    return moment
        raise BadToken(
            "The token is of an earlier state of the organisation; start again without it"
        )

    def edit(self, moment: Moment, edits: Iterable[Edit]) -> None:
        """Keep what a caller changed in findings, over every later version as well, and tell who listens."""
        rows = []
        with self._lock:
            newest = self._versions[-1]
            for edit in edits:
                merged = edit.after(self._edits.get(edit.key))
                self._edits[edit.key] = merged
                for version in {*self._versions, moment}:
                    row = version.findings.apply(merged)
                    if version is newest and row is not None:
                        rows.append(row)
        if rows:
            self.on_change(newest, rows, False)

    def change(self, operation: str, params: Mapping[str, Any], *, by: str) -> Change:
        """Change the organisation now, as a call to AWS Organizations does; by a person, or "" for the pipeline.

        It lasts over every later version, and versions under way still show what was before.

        :raises merged.Refused: where AWS would refuse it.
        """
        with self._lock:
            change = merged.change_of(self.moment().snapshot, operation, params, by=by)
            self._changes.append(change)
            self._build()
            return change

    def forget_changes(self) -> Moment:
        """Give the organisation back as its own history has it."""
        with self._lock:
            if not self._changes:
                return self.moment()
            self._changes.clear()
            self._versions.clear()
            return self._build()

    def forget_edits(self) -> Moment:
        """Give every finding back what callers changed in it."""
        with self._lock:
            if not self._edits:
                return self.moment()
            self._edits.clear()
            self._versions.clear()
            return self._build()

    def _is_old(self) -> bool:
        if not self._versions:
            return True
        wait = max(_FOLLOW_SECONDS, _FOLLOW_TIMES_BUILD * self._build_seconds)
        return self._set_now is None and monotonic() - self._built_at > wait

    def _build(self) -> Moment:
        began = monotonic()
        before = self._versions[-1] if self._versions else None
        snapshot = history.snapshot(self.org, self._set_now or self._real_time())
        moment = Moment(self._next_version, snapshot, self._edits, self._changes)
        self._next_version += 1
        self._versions.append(moment)
        if before is not None:
            self.on_change(moment, moment.findings.updated_after(before.now), True)
        self._built_at = monotonic()
        self._build_seconds = self._built_at - began
        return moment
