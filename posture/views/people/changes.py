"""What the page of a person posts to: one change each, then back to the page."""

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from posture.actions import people as actions
from posture.views.people.pages import MANAGE

_NOTHING: Final = "Nothing has changed: it was so already."


@require_POST
@MANAGE
def person_roles(request: HttpRequest, pk: int) -> HttpResponseBase:
    """`seen` are the roles that the page showed as given, `roles` those that are ticked now.

    Only what the person at the page has changed is changed, whatever somebody else did meanwhile.
    """
    seen, ticked = set(request.POST.getlist("seen")), set(request.POST.getlist("roles"))

    def change(by: User) -> str:
        done = actions.change_roles(
            by, pk, give=ticked - seen, take=seen - ticked, now=timezone.now()
        )
        given = f"Given: {', '.join(done.given)}. " if done.given else ""
        taken = f"Taken: {', '.join(done.taken)}." if done.taken else ""
        return f"{given}{taken}".strip()

    return _do(request, pk, change)


@require_POST
@MANAGE
def person_teams(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Join the team `join`, or leave the team `leave`."""
    join, leave = request.POST.get("join", ""), request.POST.get("leave", "")

    def change(by: User) -> str:
        if leave:
            done = actions.leave_team(by, pk, slug=leave, now=timezone.now())
            return f"Taken out of {leave}." if done else ""
        done = actions.join_team(by, pk, slug=join, now=timezone.now())
        return f"Put into {join}." if done else ""

    return _do(request, pk, change)


@require_POST
@MANAGE
def person_ous(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Grant the OU `grant`, or withdraw the OU `withdraw`."""
    grant, withdraw = request.POST.get("grant", ""), request.POST.get("withdraw", "")

    def change(by: User) -> str:
        if withdraw:
            done = actions.withdraw_ou(by, pk, ou_id=withdraw, now=timezone.now())
            return f"{withdraw} is withdrawn." if done else ""
        done = actions.grant_ou(by, pk, ou_id=grant, now=timezone.now())
        return f"{grant} is granted, with everything below it." if done else ""

    return _do(request, pk, change)


@require_POST
@MANAGE
def person_state(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Switch the account `off` or `on`."""
    wanted = request.POST.get("state")

    def change(by: User) -> str:
        if wanted == "on":
            actions.reactivate(by, pk, now=timezone.now())
            return (
                "Switched on. Tokens were revoked for good; roles, teams and OUs are as they were."
            )
        if wanted != "off":
            raise actions.Refused("Say whether to switch the account on or off.")
        ended = actions.deactivate(by, pk, now=timezone.now())
        return f"Switched off: {ended.sessions} sessions ended, {ended.tokens} tokens are revoked."

    return _do(request, pk, change)


def _do(request: HttpRequest, pk: int, change: Callable[[User], str]) -> HttpResponseBase:
    """`change` returns what it did, in words; "" for nothing."""
    if not isinstance(request.user, User):
        raise Http404
    try:
        done = change(request.user)
    except User.DoesNotExist as e:
        raise Http404 from e
    except actions.Refused as e:
        messages.error(request, str(e))
    else:
        messages.success(request, done) if done else messages.info(request, _NOTHING)
    return redirect("posture:person", pk=pk)
