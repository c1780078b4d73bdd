"""Where allauth asks the house: who may come in, from where, and what is written down."""

import time
from typing import Any
from urllib.parse import urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.stagekit import clear_login
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from posture import tasks, web
from posture.actions.sign_in import attempts, break_glass, records, second_factor
from posture.policies import sealing
from posture.policies import sign_in as policies
from posture.policies.sign_in import Refusal


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages = DefaultAccountAdapter.error_messages | {
        # The same for a wrong name, a wrong password, and whoever may not sign in.
        "username_password_mismatch": "The user name or the password is wrong.",
        "too_many_login_attempts": (
            "Too many attempts have failed. Wait an hour, or ask an administrator to unlock you."
        ),
        "rate_limited": "Too many attempts. Wait a few minutes, then try again.",
        "incorrect_code": "The code is wrong, or it was used before. Wait for the next one.",
        "incorrect_password": "The password is wrong.",
        "enter_current_password": "The password is wrong.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody makes an account for themselves."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return web.client_address(request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("mfa_index")

    def is_reauthentication_required(self, *, app: str, **options: Any) -> bool:
        """Not for a few minutes after the person has shown who they are."""
        if not super().is_reauthentication_required(app=app, **options):
            return False
        request = context.request
        shown = [record["at"] for record in get_authentication_records(request, request.user)]
        age = time.time() - max(shown, default=0.0)
        return bool(age > app_settings.REAUTHENTICATION_TIMEOUT)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        records.note(
            "sign_in_failed",
            attempts.username(request, credentials) or "",
            now=timezone.now(),
            address=web.client_address(request),
        )

    def pre_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse | None:
        """The last word on who comes in, whichever way: password, passkey or identity provider."""
        methods = {record.get("method") for record in get_authentication_records(request, user)}
        is_local = "socialaccount" not in methods
        why = policies.local_refusal(user) if is_local else policies.refusal(user)
        return self._refuse(request, user, why) if why else None

    def post_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse:
        now, address = timezone.now(), web.client_address(request)
        methods = sorted({str(r.get("method")) for r in get_authentication_records(request, user)})
        records.note("sign_in", user, by=user, now=now, address=address, methods=methods)
        if policies.is_break_glass(user):
            _, notices = break_glass.begin_use(user, request.session, address=address, now=now)
            for pk in notices:
                tasks.mail_notice.delay_on_commit(notice_id=pk)  # type: ignore[attr-defined]
        response: HttpResponse = super().post_login(request, user, **options)
        return response

    def logout(self, request: HttpRequest) -> None:
        if isinstance(request.user, User):
            user = request.user
            records.note("sign_out", user, by=user, now=timezone.now())
        super().logout(request)

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        return self._refuse(request, user, Refusal.INACTIVE)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """By name alone, so that `manage.py unlock` finds it without a request."""
        return attempts.rate_key(str(credentials.get("username", "")))

    def _refuse(self, request: HttpRequest, user: User, why: Refusal) -> HttpResponse:
        clear_login(request)
        address = web.client_address(request)
        records.note("sign_in_refused", user, now=timezone.now(), address=address, why=why.name)
        messages.error(request, f"You are not signed in. {why}")
        return redirect("account_login")


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"],
        "cannot_delete_authenticator": (
            "This is your only second factor, and one is required. Add another one first."
        ),
    }

    def get_totp_issuer(self) -> str:
        name = settings.POSTURE_ORGANIZATION_NAME
        return f"Parapet {name}" if name else "Parapet"

    def get_totp_label(self, user: User) -> str:
        return user.get_username()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Passkeys belong to the address that people type, not to what a request says it is."""
        return {"id": urlsplit(settings.BASE_URL).hostname or "localhost", "name": "Parapet"}

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user=user, type=type).count()
        return "Passkey" if not count else f"Passkey {count + 1}"

    def encrypt(self, text: str) -> str:
        return sealing.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return second_factor.may_remove(authenticator)
