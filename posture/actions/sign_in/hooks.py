"""What has to follow when Django or allauth says that something happened at the door.

They offer no other place to hang these on; our own code calls what it needs.
"""

from datetime import datetime
from typing import Any

from allauth.account.signals import password_changed, password_reset
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest
from django.utils import timezone

from posture import web
from posture.actions.sign_in import records, second_factor, sessions


def connect() -> None:
    user_logged_in.connect(_begin_session)
    authenticator_added.connect(_factor_added)
    authenticator_removed.connect(_factor_removed)
    authentication_failed.connect(_factor_failed)
    password_changed.connect(_password_changed)
    password_reset.connect(_password_reset)


def _begin_session(request: HttpRequest, **_: Any) -> None:
    sessions.begin(request.session, now=_now())


def _factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    second_factor.was_added(request, user, authenticator)
    kind = str(authenticator.type)
    records.note("second_factor_added", user, by=user, now=_now(), kind=kind)


def _factor_removed(
    request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    kind = str(authenticator.type)
    records.note("second_factor_removed", user, by=user, now=_now(), kind=kind)


def _factor_failed(request: HttpRequest, user: User, **_: Any) -> None:
    address = web.client_address(request)
    records.note("second_factor_failed", user, now=_now(), address=address)


def _password_changed(user: User, **_: Any) -> None:
    records.note("password_changed", user, by=user, now=_now())


def _password_reset(user: User, **_: Any) -> None:
    """Whoever was signed in with the old password is signed out by Django; this says that it was."""
    records.note("password_reset", user, now=_now())


def _now() -> datetime:
    # The edge: Django and allauth call these with no time of their own.
    return timezone.now()  # noqa: TID251
