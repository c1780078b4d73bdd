"""What the form of a request knows before anybody types: from the target, the account and the denial."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.contrib.auth.models import User

from invariants.models import ExceptionRequest, Invariant, InvariantControl
from invariants.models.exceptions import Mechanism, Risk, ScopeKind
from invariants.policies.exceptions import clocks, tiers
from invariants.queries.exceptions.entry import Source
from invariants.queries.exceptions.mechanisms import MechanismHint, mechanisms_for, of_record
from invariants.queries.exceptions.reach import Line
from inventory.access import AnyUser
from inventory.models import Account, Team

# Days that are offered; of those within the limit of the severity, the longest three.
_OFFERED: Final = (7, 30, 90, 180, 365)
_CHOICES: Final = 3
_USUAL_DAYS: Final = 30
_LONGEST_TITLE: Final = 200
# What a denied call names is of no use to these: they are about whole accounts.
_OF_ACCOUNTS: Final = (Mechanism.NONE, Mechanism.EXCEPTIONS_OU, Mechanism.CHILD_OVERRIDE)


@dataclass(frozen=True, slots=True)
class Term:
    """A length that is offered, with the last day that it gives."""

    days: int
    until: date

    @property
    def code(self) -> str:
        return str(self.days)


@dataclass(frozen=True, slots=True)
class Known:
    """What stands in the form at first: `fields` by the names of ExceptionRequest, and the scope."""

    fields: Mapping[str, object]
    lines: tuple[Line, ...]

    @property
    def starts_on(self) -> date | None:
        found = self.fields.get("starts_on")
        return found if isinstance(found, date) else None


def severity_of(source: Source) -> str:
    """As the draft will have it; what is only informational counts as low."""
    found = source.target.severity if source.target is not None else ""
    return found if found in Risk.values else Risk.LOW


def terms(severity: str, *, today: date) -> tuple[Term, ...]:
    """What is offered at a severity, shortest first; both days count."""
    most = clocks.VERSIONS[clocks.NEWEST].most_days[Risk(severity)]
    days = [one for one in _OFFERED if one <= most][-_CHOICES:]
    return tuple(Term(one, today + timedelta(days=one - 1)) for one in days)


def usual_term(offered: Iterable[Term]) -> Term:
    """Thirty days where that is offered, else the shortest."""
    found = sorted(offered, key=lambda one: (one.days != _USUAL_DAYS, one.days))
    return found[0]


def known(user: AnyUser, source: Source, *, today: date) -> Known:
    """Four queries at most."""
    severity = severity_of(source)
    mechanism = _mechanism(source)
    account = source.account
    team = account.team if account else _only_team(user)
    fields = {
        "title": _title(source)[:_LONGEST_TITLE],
        "system": account.name if account else team.name if team else "",
        "business_owner": _owner(user, team),
        "compensating": _compensating(source),
        "mechanism": mechanism,
        "starts_on": today,
        "asked_until": usual_term(terms(severity, today=today)).until,
    }
    return Known(fields, tuple(_lines(source, mechanism)))


def _mechanism(source: Source) -> str:
    """Of an invariant as it is proposed; findings alone need no policy."""
    fitting = ways(source.invariant)
    named = source.denial is not None and any(
        one.mechanism == Mechanism.PRINCIPAL_LIST for one in fitting
    )
    return Mechanism.PRINCIPAL_LIST if named else fitting[0].mechanism


def ways(invariant: Invariant | None) -> tuple[MechanismHint, ...]:
    """How AWS can be told of it, the proposal first; without an invariant no policy is involved."""
    if invariant is None:
        return tuple(one for one in of_record({"type": ""}) if one.mechanism == Mechanism.NONE)
    return tuple(one for one in mechanisms_for(invariant) if one.fits)


def _lines(source: Source, mechanism: str) -> Iterable[Line]:
    if source.account is not None:
        yield ScopeKind.ACCOUNT, source.account.account_id
    if source.finding is not None:
        yield ScopeKind.RESOURCE, source.finding.resource_id
    denial = source.denial
    if denial is None or mechanism in _OF_ACCOUNTS:
        return
    if denial.principal.startswith("arn:"):
        yield ScopeKind.PRINCIPAL, denial.principal
    if ":" in denial.action and "(" not in denial.action:
        yield ScopeKind.ACTION, denial.action


def _title(source: Source) -> str:
    where = f" in {source.account.name}" if source.account else ""
    if source.finding is not None:
        resource = _short(source.finding.resource_id)
        return f"{source.finding.control.control_id}: {resource}{where}"
    if source.denial is not None and source.invariant is not None:
        who = _short(source.denial.principal) or "a principal"
        what = source.denial.action or "an action"
        return f"{source.invariant.key}: {what} by {who}{where}"
    if source.invariant is not None:
        return f"{source.invariant.key}{where}"
    return f"{source.control.control_id}{where}" if source.control else ""


def _short(arn: str) -> str:
    """The end of an ARN that tells it apart: role/lake-deployer, or the name of a bucket."""
    return arn.split(":", 5)[-1] if arn.startswith("arn:") else arn


def _owner(user: AnyUser, team: Team | None) -> str:
    """Whoever may accept risks for a system of the account's team, but not who asks. Two queries."""
    return next(iter(owners(user, team)), "")


def _only_team(user: AnyUser) -> Team | None:
    """The team that the person is in, if it is one. One query."""
    if not isinstance(user, User):
        return None
    found = list(Team.objects.filter(teammembership__user=user).order_by("pk")[:2])
    return found[0] if len(found) == 1 else None


def owners(user: AnyUser, team: Team | None) -> tuple[str, ...]:
    """People of the team who may accept the risk for a system, by name."""
    if team is None:
        return ()
    app, codename = tiers.ACCEPT.split(".")
    rows = User.objects.filter(
        is_active=True,
        team_memberships__team=team,
        groups__permissions__codename=codename,
        groups__permissions__content_type__app_label=app,
    )
    if isinstance(user, User):
        rows = rows.exclude(pk=user.pk)
    return tuple(
        one.get_full_name() or one.get_username() for one in rows.distinct().order_by("pk")[:10]
    )


def _compensating(source: Source) -> str:
    """What holds without anybody doing anything; whoever asks adds what they do besides."""
    if source.invariant is None:
        control = source.control.control_id if source.control else ""
        return (
            f"Detection only: {control} is checked on, and the finding stays visible and keeps failing "
            "in the raw score."
        )
    detecting = InvariantControl.objects.filter(invariant=source.invariant).order_by("control_key")
    names = list(detecting.values_list("control_key", flat=True)[:5])
    seen = f" Findings of {', '.join(names)} are still raised." if names else ""
    return f"Detection only: what is done under it is recorded by CloudTrail.{seen}"


def known_of(request: ExceptionRequest) -> Known:
    """What a draft has by now. One query."""
    names = (
        "title", "reason", "justification", "system", "business_owner", "data_classification",
        "compensating", "remediation_plan", "mechanism", "ticket", "starts_on", "asked_until",
        "is_emergency",
    )  # fmt: skip
    lines = request.scope.order_by("kind", "value").values_list("kind", "value")
    return Known({name: getattr(request, name) for name in names}, tuple(lines))


def account_of(user: AnyUser, lines: Iterable[Line]) -> Account | None:
    """The one account of a scope, with its team; None where it names several, or none."""
    ids = [value for kind, value in lines if kind == ScopeKind.ACCOUNT]
    if len(ids) != 1:
        return None
    rows = Account.objects.visible_to(user).live().select_related("ou", "team")
    return rows.filter(account_id=ids[0]).order_by("pk").first()
