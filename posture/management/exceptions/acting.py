"""What the demo's people do with a request, by the actions of a click."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from findings.models import Control, Finding
from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By, Line, RiskView, filing
from invariants.actions.exceptions.drafting import Target
from invariants.models import ExceptionRequest, Invariant
from invariants.models.exceptions import Risk, ScopeKind
from invariants.policies.exceptions import NotAllowed
from inventory.models import Account, Organization, OrganizationalUnit
from posture.management.exceptions.story import Asked, Step

_REPOSITORY: Final = "https://git.halden.example/cloud-platform/policies/pull"


class Desk:
    """The people and the requests of one organisation; `refs` has each request's id by its ticket."""

    def __init__(self, organization: Organization, people: Mapping[str, User]) -> None:
        self._organization = organization
        self.people = people
        accounts = Account.objects.live().filter(organization=organization)
        self._accounts = dict(accounts.values_list("name", "account_id"))
        told = ExceptionRequest.objects.filter(organization=organization).exclude(ticket="")
        self.refs = dict(told.values_list("ticket", "pk"))

    @transaction.atomic
    def draft(self, asked: Asked, *, now: datetime) -> None:
        """Begin a request, with all that is typed into it."""
        by = By(self.people[asked.by])
        if asked.renews:
            request = actions.renew(by, self.refs[asked.renews], now=now)
        else:
            request = actions.draft(by, self._target(asked), now=now)
        fields = dict(asked.fields)
        if asked.renews:
            # The first day of a renewal is the day on which it is asked for.
            del fields["starts_on"]
        actions.save(by, request.pk, fields, now=now)
        if asked.scope:
            actions.set_scope(by, request.pk, self._lines(asked.scope), now=now)
        if asked.milestones:
            actions.set_milestones(by, request.pk, asked.milestones, now=now)
        self.refs[asked.ticket] = request.pk

    def _target(self, asked: Asked) -> Target:
        target, organization = asked.target, self._organization
        if key := target.get("invariant"):
            return Invariant.objects.live().get(organization=organization, key=key)
        control = Control.objects.get(organization=organization, control_id=target["control"])
        if "account" not in target:
            return control
        account_id = self._accounts[target["account"]]
        rows = Finding.objects.filter(control=control, account__account_id=account_id)
        found = rows.filter(status=Finding.Status.OPEN).order_by("key").first()
        if found is None:
            raise LookupError(f"{target['account']} has no open finding of {target['control']}")
        return found

    def _lines(self, scope: Mapping[str, tuple[str, ...]]) -> list[Line]:
        return [
            Line(ScopeKind(kind.upper()), self._value(kind, value))
            for kind, values in scope.items()
            for value in values
        ]

    def _value(self, kind: str, value: str) -> str:
        if kind == "account":
            return self._accounts[value]
        if kind == "ou":
            ous = OrganizationalUnit.objects.live().filter(organization=self._organization)
            return str(ous.get(name=value).ou_id)
        name, brace, rest = value.partition("}")
        before, _, name = name.rpartition("{")
        return f"{before}{self._accounts[name]}{rest}" if brace else value

    @transaction.atomic
    def take(self, asked: Asked, step: Step, *, now: datetime) -> None:
        """Take one step.

        :raises LookupError: where it should have been refused and was not, or its target is not there.
        """
        if not step.refused:
            self._act(asked, step, now=now)
            return
        try:
            with transaction.atomic():
                self._act(asked, step, now=now)
        except (NotAllowed, PermissionDenied):
            return
        raise LookupError("this should have been refused")

    def _act(self, asked: Asked, step: Step, *, now: datetime) -> None:  # noqa: C901 - one line each
        by, pk, said = By(self.people[step.by]), self.refs[asked.ticket], step.said
        note = " ".join(str(said.get("note", "")).split())
        match step.do:
            case "submit":
                self._change(by, pk, said, now=now)
                actions.submit(by, pk, now=now)
            case "withdraw":
                actions.withdraw(by, pk, why=note, now=now)
            case "triage":
                actions.triage(by, pk, note=note, now=now)
            case "assess":
                view = RiskView(Risk(said["inherent"]), Risk(said["residual"]), note)
                actions.assess(by, pk, view, now=now)
            case "approve":
                actions.approve(by, pk, comment=note, until=self._until(asked, said), now=now)
            case "grant":
                actions.grant(by, pk, why=note, now=now)
            case "reject":
                actions.reject(by, pk, why=note, now=now)
            case "request_changes":
                actions.request_changes(by, pk, why=note, now=now)
            case "implement":
                actions.implement(by, pk, pull_request=_link(said), now=now)
            case "remove":
                actions.remove(by, pk, pull_request=_link(said), now=now)
            case "revoke":
                actions.revoke(by, pk, why=note, now=now)
            case "comment":
                actions.comment(by, pk, note, now=now)
            case "attach":
                upload = SimpleUploadedFile(said["file"], str(said["note"]).encode())
                filing.keep(by, pk, upload, now=now)
            case "finish":
                waiting = ExceptionRequest.objects.get(pk=pk).milestones.filter(done_on=None)
                first = waiting.order_by("due_on", "pk")[0]
                actions.finish_milestone(by, pk, first.pk, done_on=now.date(), now=now)
            case "narrow":
                actions.narrow(by, pk, self._lines(said["scope"]), why=note, now=now)
            case "renew":
                actions.renew(by, pk, now=now)

    def _change(self, by: By, pk: int, said: Mapping[str, Any], *, now: datetime) -> None:
        """What somebody changes before they send it again."""
        if fields := said.get("fields"):
            typed = {name: " ".join(str(value).split()) for name, value in fields.items()}
            actions.save(by, pk, typed, now=now)
        if scope := said.get("scope"):
            lines = {kind: tuple(values) for kind, values in scope.items()}
            actions.set_scope(by, pk, self._lines(lines), now=now)

    def _until(self, asked: Asked, said: Mapping[str, Any]) -> date | None:
        """The earlier last day that an approver gives, so many days before the one asked for."""
        if "shorter_by" not in said:
            return None
        asked_until: date = asked.fields["asked_until"]
        return asked_until - timedelta(days=int(said["shorter_by"]))


def _link(said: Mapping[str, Any]) -> str:
    return f"{_REPOSITORY}/{said['pull']}" if "pull" in said else ""
