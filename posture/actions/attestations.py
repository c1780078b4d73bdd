"""Vouching for what no API tells, by name and date, and taking it back. Nothing is ever overwritten:
who attests anew adds a row, and a withdrawn one stays as it was until that day.
"""

from datetime import date, datetime
from typing import Final

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from inventory import access, links
from inventory.models import Account, Organization, Team
from posture.models import Attestation
from posture.queries.attestations import ATTEST

# Nobody can vouch for longer: a year and a day, so that a yearly exercise does not lapse on its date.
LONGEST_DAYS: Final = 366
_STATEMENT: Final = 2000
_NAME: Final = 150
_ADDRESS: Final = 500


class Refused(ValueError):
    """Something that cannot be; `field` names the input, the text says why and what to do."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def attest(  # noqa: PLR0913 - an attestation is all of these
    user: User,
    organization: Organization,
    *,
    subject: str,
    statement: str,
    owner: str,
    attested_on: date,
    expires_on: date,
    account: Account | None = None,
    team: Team | None = None,
    evidence_url: str = "",
    now: datetime,
) -> Attestation:
    """Vouch for one account, all accounts of a team, or (neither) the whole organisation.

    :raises PermissionDenied: the person may not attest, or not of these accounts.
    :raises Refused: for a date, text or address that cannot be.
    """
    _permit(user, account=account, team=team)
    if subject not in Attestation.Subject.values:
        known = ", ".join(Attestation.Subject.values)
        raise Refused("subject", f"{subject!r} cannot be attested: choose one of {known}.")
    _check_days(attested_on, expires_on, today=now.date())
    return Attestation.objects.create(
        organization=organization,
        subject=subject,
        account=account,
        team=team,
        statement=_text("statement", statement, what="The statement", longest=_STATEMENT),
        evidence_url=_address(evidence_url),
        owner=_text("owner", owner, what="The name of who vouches", longest=_NAME),
        attested_on=attested_on,
        expires_on=expires_on,
        recorded_by=user.get_username(),
        recorded_at=now,
    )


@transaction.atomic
def withdraw(user: User, pk: int, *, now: datetime) -> Attestation:
    """Take an attestation back from today on; the days before keep it.

    :raises Attestation.DoesNotExist: there is none that the person may see.
    :raises PermissionDenied: the person may not attest of these accounts.
    :raises Refused: it has been withdrawn, or has expired.
    """
    rows = Attestation.objects.visible_to(user).select_for_update(of=("self",))
    row = rows.select_related("account", "team").get(pk=pk)
    _permit(user, account=row.account, team=row.team)
    if row.withdrawn_on is not None:
        raise Refused("", f"{row} was withdrawn on {row.withdrawn_on} by {row.withdrawn_by}.")
    if row.expires_on <= now.date():
        raise Refused("", f"{row} expired on {row.expires_on}: there is nothing left to withdraw.")
    row.withdrawn_on, row.withdrawn_by = now.date(), user.get_username()
    row.save(update_fields=["withdrawn_on", "withdrawn_by"])
    return row


def _permit(user: User, *, account: Account | None, team: Team | None) -> None:
    if not user.has_perm(ATTEST):
        raise PermissionDenied(f"{user.get_username()} lacks {ATTEST}")
    if account is not None and team is not None:
        raise Refused("team", "Choose an account or a team, not both.")
    scope = access.scope_of(user)
    if account is not None:
        is_mine = Account.objects.visible_to(user).filter(pk=account.pk).exists()
    else:
        is_mine = scope.everything or (team is not None and team.pk in scope.team_ids)
    if not is_mine:
        raise PermissionDenied(f"{user.get_username()} does not see all that this is about")


def _check_days(attested_on: date, expires_on: date, *, today: date) -> None:
    if attested_on > today:
        raise Refused(
            "attested_on", f"{attested_on} is to come: attest on or after the day it was done."
        )
    if expires_on <= today:
        raise Refused("expires_on", f"{expires_on} is over: choose a day after today.")
    if (expires_on - attested_on).days > LONGEST_DAYS:
        raise Refused(
            "expires_on",
            f"{expires_on} is more than a year after {attested_on}: choose an earlier day,"
            " and attest anew then.",
        )


def _text(field: str, text: str, *, what: str, longest: int) -> str:
    found = text.strip()
    if not found:
        raise Refused(field, f"{what} is empty: write something.")
    if len(found) > longest:
        raise Refused(field, f"{what} has {len(found)} characters: use {longest} at most.")
    return found


def _address(text: str) -> str:
    """An address that a page may link to: nothing that a browser would run."""
    found = text.strip()
    if not found:
        return ""
    if not links.is_web_link(found) or len(found) > _ADDRESS:
        raise Refused(
            "evidence_url",
            f"The evidence should be an address that begins with https://, of {_ADDRESS}"
            " characters at most. Leave it empty if there is none.",
        )
    return found
