"""An organisation whose policies can be changed between collections, with everybody whom an exception needs."""

import json
from dataclasses import dataclass, field
from typing import Any

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import Line
from invariants.models import Coverage, ExceptionMismatch, ExceptionRequest, Invariant
from invariants.models.exceptions import ScopeKind
from invariants.tasks import evaluate_invariants
from inventory.models import Account, OrganizationalUnit, OrgPolicy
from tests import factories
from tests.fixtures import coverage as made
from tests.invariants.exceptions import world as exceptions
from tests.invariants.exceptions.world import NOW, World

KEY = "iam-no-users"


@dataclass
class Placed(World):
    """`accounts` by name; `policy` is the one of the invariant, attached to all workloads."""

    accounts: dict[str, Any] = field(default_factory=dict)
    ous: dict[str, Any] = field(default_factory=dict)
    policy: Any = None
    invariant: Any = None
    lines: list[Line] | None = None

    def drafted(
        self, *, target: Any = None, severity: str = "", **changes: Any
    ) -> ExceptionRequest:
        request = super().drafted(target=target or self.invariant, severity=severity, **changes)
        if self.lines is not None:
            request = actions.set_scope(self.by("requester"), request.pk, self.lines, now=self.now)
        return request

    def scope(self, *lines: tuple[str, str]) -> None:
        """What the next request is for."""
        self.lines = [Line(ScopeKind(kind), value) for kind, value in lines]

    def role(self, name: str = "Deployer", account: Any = None) -> str:
        account_id = (account or self.account).account_id
        return f"arn:aws:iam::{account_id}:role/{name}"

    def carve(self, operator: str, key: str, *values: str) -> None:
        """Each Deny of the policy exempts these values of the key too; none takes them all out."""
        text = made_text(self.invariant)
        for one in text["Statement"]:
            if one["Effect"] == "Deny" and values:
                condition = one.setdefault("Condition", {}).setdefault(operator, {})
                before = condition.get(key, [])
                condition[key] = [*([before] if isinstance(before, str) else before), *values]
        OrgPolicy.objects.filter(pk=self.policy.pk).update(content=json.dumps(text))

    def collect(self, state: str = "COMPLETE") -> None:
        """A collection looks an hour later, and takes in what it finds."""
        self.later(hours=1)
        made.reading(self.now, state)
        assert evaluate_invariants(self.now) == 0

    def items(self, **filters: Any) -> list[ExceptionMismatch]:
        rows = ExceptionMismatch.objects.lasting().filter(**filters)
        return list(rows.order_by("kind", "cause", "pk"))

    def kinds(self) -> list[str]:
        return [row.kind for row in self.items()]

    def state(self, account: Any = None) -> str:
        row = Coverage.objects.get(invariant=self.invariant, account=account or self.account)
        return str(row.state)

    def evidence(self, account: Any = None) -> dict[str, Any]:
        row = Coverage.objects.get(invariant=self.invariant, account=account or self.account)
        return dict(row.proof.evidence)

    def verbs(self, request: ExceptionRequest) -> list[str]:
        return list(request.events.order_by("number").values_list("verb", flat=True))


def made_text(invariant: Invariant) -> dict[str, Any]:
    version = invariant.version
    assert version is not None
    found: dict[str, Any] = json.loads(json.dumps(version.content["policy"]))
    return found


def build(key: str = KEY) -> Placed:
    organization = factories.organization()
    # Once for all organisations of a test run: the hours of this world are not those of the factories.
    base = exceptions.build()
    work = base.account.ou
    world = Placed(base.account, base.control, base.people)
    other = factories.ou(name="Development", parent=work)
    world.ous = {
        "work": work,
        "dev": other,
        "exceptions": factories.ou(name="Exceptions", role="EXCEPTIONS"),
    }
    world.accounts = {
        "lake": base.account,
        "shop": factories.account(ou=work, name="Shop", team=base.account.team),
        "lab": factories.account(ou=other, name="Lab", team=base.account.team),
    }
    made.catalogue()
    world.invariant = Invariant.objects.select_related("version").get(key=key)
    ous = OrganizationalUnit.objects.values_list("ou_id", flat=True)
    made.full_access(*ous, *Account.objects.values_list("account_id", flat=True))
    world.policy = made.of_invariant(key, work.ou_id)
    organization.refresh_from_db()
    world.now = NOW
    return world
