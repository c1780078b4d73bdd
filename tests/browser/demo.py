"""A small organisation in which every page has something to show."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from findings.models import Area
from inventory.facts import Fact
from inventory.models import AccountFact
from posture.actions import people, tokens
from posture.rollups import coverage
from tests import factories


@dataclass(frozen=True)
class Site:
    url: str
    world: dict[str, Any]


def build():
    """Rows as of now: the served pages read the clock."""
    now = datetime.fromtimestamp(time.time(), tz=UTC)
    team = factories.team(slug="payments")
    workloads = factories.ou(name="Workloads")
    production = factories.ou(parent=workloads, name="Production")
    sandbox = factories.ou(name="Sandbox", role="SANDBOX")
    accounts = [
        factories.account(ou=place, team=team, name=name)
        for place, name in [(production, "payments-api"), (workloads, "web"), (sandbox, "play")]
    ]
    controls = [
        factories.control(control_id=f"S3.{index}", severity=severity, area=area, title=title)
        for index, (severity, area, title) in enumerate(
            [
                ("CRITICAL", "DATA_PROTECTION", "Buckets should block public access"),
                ("HIGH", "IDENTITY", "Users should have MFA"),
                ("LOW", "CULTURE", "Resources should be tagged"),
            ]
        )
    ]
    _score(now, accounts, [factories.root(), workloads, production, sandbox])
    for account in accounts:
        for index, control in enumerate(controls):
            opened = now - timedelta(days=5 + 10 * index)
            factories.finding(account=account, control=control, opened_at=opened)
            factories.cell(account=account, control=control)
    for place in (factories.root(), workloads, production, sandbox):
        for control in controls:
            factories.ou_control(ou=place, control=control)
    factories.count_findings()
    _collect(now, accounts)
    _cover(now, accounts)
    factories.policy(target="r-ab12", target_kind="ROOT")
    factories.quarantined(first_seen_at=now)
    admin = factories.person(role="Administrator", username="admin")
    engineer = factories.security_engineer()
    values = {"username": "ticket-bridge", "purpose": "Opens tickets; ask Dana."}
    service = people.create_service(admin, role_names=["Auditor"], now=now, **values)
    for owner, by in ((service, admin), (engineer, engineer)):
        may = {"rights": ["findings.read_findings"], "days": 10}
        tokens.create(by, owner=owner, name="ticket bridge", now=now, **may)
    return {
        "now": now,
        "admin": admin,
        "service": service,
        "engineer": engineer,
        "member": factories.team_member(team=team),
        "stranger": factories.stranger(),
        "workloads": workloads,
        "production": production,
        "account": accounts[0],
        "finding": accounts[0].finding_set.get(control=controls[0]),
    }


def _cover(now, accounts):
    """GuardDuty is on in one Region of each account, off in the next; the first account was refused."""
    for account in accounts:
        for region, is_on in (("eu-west-1", True), ("us-east-1", False)):
            values = {"account": account, "region": region, "state": "KNOWN", "as_of": now}
            status = {"key": "region.status", "value": "ENABLED_BY_DEFAULT"}
            AccountFact.objects.create(**values | status)
            AccountFact.objects.create(**values | {"key": Fact.GUARDDUTY, "value": is_on})
    refused = {"state": "DENIED", "value": None, "missing_permission": "guardduty:ListMembers"}
    AccountFact.objects.filter(account=accounts[0], key=Fact.GUARDDUTY).update(**refused)
    coverage.count_coverage(now=now, stale_before=now - timedelta(days=3))


def _score(now, accounts, ous):
    for week in range(13):
        day = now.date() - timedelta(days=7 * week)
        for area in ["", *(Area.values if week < 2 else [])]:
            for place in ous:
                factories.ou_day(
                    ou=place, day=day, area=area, score=78 - week, open_critical=week, open_high=9
                )
            for account in accounts:
                factories.account_day(account=account, day=day, area=area, score=70 - week)
    factories.rollup_state(day=now.date(), as_of=now)


def _collect(now, accounts):
    for minutes in (20, 5):
        at = now - timedelta(minutes=minutes)
        done = factories.collection(started_at=at, finished_at=at, as_of=at, state="PARTIAL")
        for source in ("ORGANIZATIONS", "CONTROLS", "SECURITY_HUB"):
            factories.run(collection=done, source=source)
        for account, state in zip(accounts, ("DENIED", "COMPLETE", "FAILED"), strict=True):
            factories.run(
                collection=done,
                source="ACCESS_ANALYZER",
                account_id=account.account_id,
                region="eu-west-1",
                state=state,
                missing_permission="access-analyzer:ListAnalyzers" if state == "DENIED" else "",
                error="" if state == "COMPLETE" else "AccessDenied: not authorized",
            )
