"""Everything the page of one account shows."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from inventory.access import AnyUser
from inventory.queries import accounts as inventory_accounts
from inventory.queries import runs, tree
from inventory.queries.accounts import PlacementLine, PolicyLine
from inventory.queries.runs import ScopeStatus
from inventory.queries.tree import Step
from posture.queries import accounts, days, figures
from posture.queries.accounts import AccountFacts, FailingControl
from posture.queries.figures import Standing
from posture.queries.organization import AreaScore, area_scores


@dataclass(frozen=True, slots=True)
class AccountPage:
    """`gaps` are the scopes of this account that could not be read in full."""

    facts: AccountFacts
    way: tuple[Step, ...]
    standing: Standing
    trend: tuple[tuple[str, Decimal | None], ...]
    areas: tuple[AreaScore, ...]
    controls: tuple[FailingControl, ...]
    scopes: tuple[ScopeStatus, ...]
    placements: tuple[PlacementLine, ...]
    policies: tuple[PolicyLine, ...]

    @property
    def gaps(self) -> tuple[ScopeStatus, ...]:
        return tuple(scope for scope in self.scopes if scope.is_problem)


def account_page(user: AnyUser, account_id: str, *, day: date) -> AccountPage | None:
    """The account, None when there is none or the person may not see it. Ten queries."""
    account = inventory_accounts.visible(user).filter(account_id=account_id).order_by("-pk").first()
    if account is None:
        return None
    past = days.account_history(user, account, day=day)
    standing = figures.standing(past.now, past.before)
    return AccountPage(
        facts=accounts.account_facts(account),
        way=tree.way_to(user, account.ou.path),
        standing=standing,
        trend=past.trend,
        areas=area_scores(days.account_areas(user, account, past)),
        controls=accounts.failing_controls(user, account, standing),
        scopes=runs.scopes(user, account_id=account_id),
        placements=inventory_accounts.placements(account),
        policies=inventory_accounts.policies(account),
    )
