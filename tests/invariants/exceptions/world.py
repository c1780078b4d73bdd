"""An organisation with everybody whom an exception needs, and one that goes as far as a test wants."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By, Line, RiskView, Sight
from invariants.models import ExceptionRequest
from invariants.models.exceptions import Risk, ScopeKind, Via
from tests import factories

# A Tuesday, in office hours of Berlin.
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
TODAY = NOW.date()
LINK = "https://git.example.com/policies/pull/41"
WHY = "Agreed on with the owner of the system."
FILLED: dict[str, Any] = {
    "title": "Partner reads the curated lake",
    "reason": "VENDOR",
    "justification": "The partner cannot use access grants before January.",
    "system": "data lake",
    "business_owner": "Noor Haddad",
    "compensating": "Reads are logged, and an alarm tells of others.",
    "remediation_plan": "Access grants ship in January.",
    "starts_on": TODAY,
    "asked_until": TODAY + timedelta(days=60),
}


@dataclass
class World:
    """`people` by what they do on a record; each has the role for it."""

    account: Any
    control: Any
    people: dict[str, Any] = field(default_factory=dict)
    now: datetime = NOW

    def by(self, name: str) -> By:
        return By(self.people[name], Via.PAGE, "192.0.2.7")

    def drafted(
        self, *, target: Any = None, severity: str = "", **changes: Any
    ) -> ExceptionRequest:
        """A draft with all that it needs, on the one account."""
        if severity:
            self.control.severity = severity
            self.control.save()
        by = self.by("requester")
        request = actions.draft(by, target or self.control, now=self.now)
        actions.save(
            by, request.pk, FILLED | {"mechanism": "PRINCIPAL_LIST"} | changes, now=self.now
        )
        place = Line(ScopeKind.ACCOUNT, self.account.account_id)
        return actions.set_scope(by, request.pk, [place], now=self.now)

    def submitted(self, **changes: Any) -> ExceptionRequest:
        return actions.submit(self.by("requester"), self.drafted(**changes).pk, now=self.now)

    def assessed(self, *, risk: str = "LOW", **changes: Any) -> ExceptionRequest:
        request = self.submitted(**changes)
        actions.triage(self.by("assessor"), request.pk, now=self.now)
        view = RiskView(Risk(risk), Risk(risk), WHY)
        return actions.assess(self.by("assessor"), request.pk, view, now=self.now)

    def approved(self, *, risk: str = "LOW", **changes: Any) -> ExceptionRequest:
        request = self.assessed(risk=risk, **changes)
        for name in APPROVERS[risk]:
            request = actions.approve(self.by(name), request.pk, now=self.now)
        return request

    def implementing(self, **changes: Any) -> ExceptionRequest:
        request = self.approved(**changes)
        return actions.implement(
            self.by("implementer"), request.pk, pull_request=LINK, now=self.now
        )

    def active(self, **changes: Any) -> ExceptionRequest:
        request = self.implementing(**changes)
        self.looked(request, True)
        return ExceptionRequest.objects.get(pk=request.pk)

    def looked(self, request: ExceptionRequest, found: bool | None) -> Any:
        """A collection looks now."""
        evidence = {"policy": "p-lake0001"} if found else {}
        return actions.verify(request.pk, Sight(found, self.now, evidence), now=self.now)

    def later(self, **span: int) -> datetime:
        self.now += timedelta(**span)
        return self.now

    def on(self, day: date) -> datetime:
        """At noon of a day."""
        self.now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        return self.now


APPROVERS = {
    "LOW": ["lead"],
    "MEDIUM": ["lead", "owner"],
    "HIGH": ["ciso"],
    "CRITICAL": ["ciso", "executive"],
}
ROLES = {
    "requester": ("Team member", True),
    "colleague": ("Team member", True),
    "owner": ("System owner", True),
    "assessor": ("Security engineer", False),
    "lead": ("Security lead", False),
    "ciso": ("CISO", False),
    "executive": ("Executive", False),
    "implementer": ("Platform engineer", False),
}


def build() -> World:
    team = factories.team(slug=f"lake-{factories.number()}")
    account = factories.account(ou=factories.ou(), team=team)
    world = World(account, factories.control(severity="LOW"))
    for name, (role, is_of_team) in ROLES.items():
        username = f"{name}-{factories.number()}"
        world.people[name] = factories.person(
            role=role, username=username, team=team if is_of_team else None
        )
    return world


def fresh(request: ExceptionRequest) -> ExceptionRequest:
    return ExceptionRequest.objects.get(pk=request.pk)
