"""Which of allauth's views are mounted, and where; its names, because it looks for itself by them.

What is not here does not exist: no sign-up, no e-mail addresses, no trusted browsers.
"""

from collections.abc import Callable

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from django.conf import settings
from django.http import HttpResponseBase
from django.urls import URLPattern, path, re_path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from posture.actions.sign_in import notices
from posture.policies import sign_in as policies
from posture.queries import shell
from posture.views.sign_in import pages, providers

View = Callable[..., HttpResponseBase]


def _open(view: View) -> View:
    """A page at the door; whom it lets in, allauth's own decorators say."""
    return require_http_methods(["GET", "POST"])(view)


def _own(view: View) -> View:
    """A page about the person's own password, passkeys or codes; not for browsers' caches."""
    return require_http_methods(["GET", "POST"])(never_cache(pages.local_only(view)))


_sign_in = account.LoginView.as_view(
    extra_context={
        "demo_users": shell.demo_users,
        "is_second_factor_off": lambda: (
            policies.is_demo_on() and not settings.POSTURE_LOCAL_SECOND_FACTOR
        ),
        "is_local_on": lambda: settings.POSTURE_LOCAL_SIGN_IN,
        "can_mail": notices.is_mail_set,
        "providers": providers.buttons,
    }
)

addresses: list[URLPattern] = [
    path("sign-in/", _open(_sign_in), name="account_login"),
    path("sign-out/", _open(account.logout), name="account_logout"),
    path("sign-in/second-factor/", _open(mfa.authenticate), name="mfa_authenticate"),
    path("sign-in/passkey/", _open(passkeys.login_webauthn), name="mfa_login_webauthn"),
    path("sign-in/forgotten/", pages.forgotten, name="account_reset_password"),
    path(
        "sign-in/forgotten/sent/",
        _open(account.password_reset_done),
        name="account_reset_password_done",
    ),
    re_path(
        r"^sign-in/new-password/(?P<uidb36>[0-9A-Za-z]{1,13})-(?P<key>[0-9A-Za-z-]{1,100})/$",
        _open(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "sign-in/new-password/done/",
        _open(account.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
    path("sign-in/again/", _own(account.reauthenticate), name="account_reauthenticate"),
    path("sign-in/again/code/", _own(mfa.reauthenticate), name="mfa_reauthenticate"),
    path(
        "sign-in/again/passkey/",
        _own(passkeys.reauthenticate_webauthn),
        name="mfa_reauthenticate_webauthn",
    ),
    path("you/", _open(never_cache(pages.Security.as_view())), name="mfa_index"),
    path("you/password/", _own(account.password_change), name="account_change_password"),
    path("you/app/", _own(totp.activate_totp), name="mfa_activate_totp"),
    path("you/app/remove/", _own(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("you/passkeys/add/", _own(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path("you/passkeys/", _own(pages.passkeys), name="mfa_list_webauthn"),
    path("you/passkeys/<int:pk>/", _own(passkeys.edit_webauthn), name="mfa_edit_webauthn"),
    path(
        "you/passkeys/<int:pk>/remove/",
        _own(pages.keep_one(passkeys.remove_webauthn)),
        name="mfa_remove_webauthn",
    ),
    path(
        "you/recovery-codes/",
        _own(recovery_codes.view_recovery_codes),
        name="mfa_view_recovery_codes",
    ),
    path(
        "you/recovery-codes/new/",
        _own(recovery_codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    *providers.addresses,
]
