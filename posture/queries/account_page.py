"""Everything the page of one account shows."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from invariants.queries import sections
from invariants.queries.sections import AccountSection
from inventory.access import AnyUser
from inventory.models import Account, Team
from inventory.queries import accounts as inventory_accounts
from inventory.queries import facts as inventory_facts
from inventory.queries import runs, tree
from inventory.queries.accounts import PlacementLine, PolicyLine
from inventory.queries.facts import AccountSettings
from inventory.queries.runs import ScopeStatus
from inventory.queries.tree import Step
from posture.models import AccountDay
from posture.queries import days, failing
from posture.queries.failing import FailingControl
from posture.queries.figures import History, Standing
from posture.queries.organization import AreaScore, area_scores


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the account's header says. `tags` are (key, value), by key."""

    account_id: str
    name: str
    email: str
    arn: str
    ou_path: str
    environment: str
    team: str
    state: str
    state_label: str
    is_live: bool
    is_scored: bool
    is_management: bool
    criticality: int
    joined_at: datetime | None
    joined_method: str
    tags: tuple[tuple[str, str], ...]


def account_facts(account: Account) -> AccountFacts:
    organization = account.ou.organization
    return AccountFacts(
        account_id=account.account_id,
        name=account.name,
        email=account.email,
        arn=account.arn,
        ou_path=account.ou.path,
        environment=account.environment,
        team=account.team.name if account.team else "",
        state=account.state,
        state_label=account.get_state_display(),
        is_live=account.gone_at is None,
        is_scored=account.state == "ACTIVE" and account.ou.role != "SUSPENDED",
        is_management=organization.management_account_id == account.account_id,
        criticality=account.criticality,
        joined_at=account.joined_at,
        joined_method=account.joined_method.replace("_", " ").lower(),
        tags=tuple(sorted((str(key), str(value)) for key, value in account.tags.items())),
    )


def past_facts(facts: AccountFacts, row: AccountDay) -> AccountFacts:
    """The facts with those that are kept for the day of the row. One query.

    Name, tags and environment are not kept: they are today's.
    """
    team = Team.objects.filter(pk=row.team_key).first()
    return replace(
        facts,
        ou_path=row.ou.path,
        team=team.name if team else "",
        is_scored=row.is_scored,
        criticality=row.criticality,
    )


@dataclass(frozen=True, slots=True)
class AccountPage:
    """`gaps` are the scopes of this account that could not be read in full.

    What is not kept for days that are over (collection, policies) is empty on a frozen page; of
    invariants only the state is kept.
    """

    facts: AccountFacts
    way: tuple[Step, ...]
    standing: Standing
    trend: tuple[tuple[str, Decimal | None], ...]
    areas: tuple[AreaScore, ...]
    controls: tuple[FailingControl, ...]
    scopes: tuple[ScopeStatus, ...]
    placements: tuple[PlacementLine, ...]
    policies: tuple[PolicyLine, ...]
    invariants: AccountSection
    settings: AccountSettings | None = None

    @property
    def gaps(self) -> tuple[ScopeStatus, ...]:
        return tuple(scope for scope in self.scopes if scope.is_problem)


def account_page(
    user: AnyUser, account_id: str, *, day: date, is_frozen: bool = False
) -> AccountPage | None:
    """The account, None when there is none or the person may not see it. Twelve queries.

    :param is_frozen: as it was at the end of `day`, in the OU and with the owner of that day.
    """
    account = inventory_accounts.visible(user).filter(account_id=account_id).order_by("-pk").first()
    if account is None:
        return None
    past = days.account_history(user, account, day=day)
    areas = area_scores(days.account_areas(user, account, past))
    if is_frozen:
        return _frozen(user, account, past, areas, day=day)
    facts = account_facts(account)
    if past.now is not None:
        # A new account is shown before it is scored.
        facts = replace(facts, is_scored=bool(past.now.accounts))
    way = tree.way_to(user, account.ou.path)
    policies = inventory_accounts.policies(account)
    return AccountPage(
        facts=facts,
        way=way,
        standing=past.standing,
        trend=past.trend,
        areas=areas,
        controls=failing.failing_controls(user, account, past.standing, day=day),
        scopes=runs.scopes(user, account_id=account_id),
        placements=inventory_accounts.placements(account),
        policies=policies,
        invariants=sections.of_account(
            user,
            account,
            on_its_way={policy.policy_id for policy in policies},
            places={step.ou_id: step.name for step in way},
        ),
        settings=inventory_facts.facts(user, account),
    )


def _frozen(
    user: AnyUser,
    account: Account,
    past: History,
    areas: tuple[AreaScore, ...],
    *,
    day: date,
) -> AccountPage:
    row = days.account_row(user, account, past)
    facts = account_facts(account)
    if row is not None:
        facts = past_facts(facts, row)
    return AccountPage(
        facts=facts,
        way=tree.way_to(user, row.ou.path if row else account.ou.path),
        standing=past.standing,
        trend=past.trend,
        areas=areas,
        controls=failing.failed_controls(
            account, past.standing, day=day, criticality=facts.criticality
        ),
        scopes=(),
        placements=inventory_accounts.placements(account),
        policies=(),
        invariants=sections.of_account(user, account, day=day),
    )
