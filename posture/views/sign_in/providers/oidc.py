"""OpenID Connect: the code flow with PKCE, state and nonce, by allauth; the ID token is checked here."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt
from allauth.account.utils import get_next_redirect_url
from allauth.core import ratelimit
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from requests import RequestException

from posture.actions.sign_in.providers import SUBJECT_LONGEST, Said
from posture.policies.groups import groups_of
from posture.views.sign_in.providers.adapter import completed, failed

PROVIDER: Final = "oidc"
# With a key that the provider alone has; none of the shared secret, and never "none".
_ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
_REQUIRED: Final = ("iss", "sub", "aud", "exp", "iat")
_ENDPOINTS: Final = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
# Seconds by which the provider's clock may be off.
_LEEWAY: Final = 60


class Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """One sign-in. `state` is what this browser left with, the nonce among it."""

    def __init__(self, request: HttpRequest, provider_id: str = PROVIDER) -> None:
        super().__init__(request, provider_id)
        self.state: dict[str, Any] = {}

    def get_provider(self) -> "Provider":
        app = get_adapter(self.request).get_app(self.request, provider=PROVIDER)
        return Provider(self.request, app=app)

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """By the address of the settings, whatever host the request names."""
        return f"{settings.BASE_URL}{reverse('oidc_callback')}"

    @property
    def openid_config(self) -> dict[str, Any]:
        """The provider's description of itself; it has to be the issuer that was asked for.

        :raises OAuth2Error: when it is not. :raises RequestException: when it does not answer.
        """
        found: dict[str, Any] = super().openid_config
        missing = [name for name in _ENDPOINTS if not isinstance(found.get(name), str)]
        if missing:
            raise OAuth2Error(f"the configuration has no {missing[0]}")
        expected = self.get_provider().app.settings["server_url"]
        if found["issuer"].rstrip("/") != expected:
            raise OAuth2Error(f"the issuer is {found['issuer']!r} instead of {expected!r}")
        return found

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        """Who the ID token says it is, with what userinfo adds about the same person.

        :raises OAuth2Error: for an ID token that is not good.
        """
        id_token = kwargs["response"].get("id_token")
        if not isinstance(id_token, str):
            raise OAuth2Error("there is no ID token")
        claims = self._claims(app, id_token)
        if not 0 < len(claims["sub"]) <= SUBJECT_LONGEST:
            raise OAuth2Error("the subject is empty or too long")
        # What is signed comes first.
        claims = self._userinfo(token.token, subject=claims["sub"]) | claims
        return completed(self.get_provider(), _said(claims, app.settings["groups"]), self.state)

    def _claims(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        """The claims of the ID token: signed by the provider, for us, now, and for this sign-in."""
        try:
            claims: dict[str, Any] = jwt.decode(
                id_token,
                self._key(id_token),
                algorithms=list(_ALGORITHMS),
                audience=app.client_id,
                issuer=self.openid_config["issuer"],
                leeway=_LEEWAY,
                options={"require": list(_REQUIRED)},
            )
        except (jwt.PyJWTError, ValueError) as e:
            raise OAuth2Error(f"the ID token is not good: {e}") from e
        if claims.get("azp", app.client_id) != app.client_id:
            raise OAuth2Error("the ID token was made for another client")
        nonce = self.state.get("nonce")
        if not nonce or not secrets.compare_digest(str(claims.get("nonce")), nonce):
            raise OAuth2Error("the ID token is of another sign-in: its nonce differs")
        return claims

    def _key(self, id_token: str) -> jwt.PyJWK:
        header = jwt.get_unverified_header(id_token)
        if header.get("alg") not in _ALGORITHMS:
            raise OAuth2Error(f"the ID token is signed by {header.get('alg')!r}")
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
            keys = answer.json().get("keys", [])
        named = [key for key in keys if key.get("kid") == header.get("kid")]
        if len(named) != 1:
            raise OAuth2Error(f"the provider has no key {header.get('kid')!r}")
        return jwt.PyJWK(named[0], algorithm=named[0].get("alg") or header["alg"])

    def _userinfo(self, access_token: str, *, subject: str) -> dict[str, Any]:
        """What the provider tells besides; nothing where it has no such address."""
        if not self.openid_config.get("userinfo_endpoint"):
            return {}
        found: dict[str, Any] = self._fetch_user_info(access_token)
        if found.get("sub") != subject:
            raise OAuth2Error("userinfo is about somebody else than the ID token")
        return found


class Provider(OpenIDConnectProvider):  # type: ignore[misc]
    oauth2_adapter_class = Adapter


class _Callback(OAuth2CallbackView):  # type: ignore[misc]
    def _get_state(self, request: HttpRequest, provider: Provider) -> tuple[Any, Any]:
        """The adapter needs it, too: for the nonce."""
        state, response = super()._get_state(request, provider)
        self.adapter.state = state or {}
        return state, response


_callback: Callable[[HttpRequest], HttpResponse] = _Callback.adapter_view(Adapter)


@require_GET
@login_not_required
@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """Leave for the provider. By GET: a form that ends on another host is stopped by the browser."""
    if refused := ratelimit.consume_or_429(request, action="provider_sign_in", limit_get=True):
        return _response(refused)
    provider = _provider(request)
    nonce = secrets.token_urlsafe(24)
    try:
        return _response(
            provider.redirect(
                request,
                process=AuthProcess.LOGIN,
                next_url=get_next_redirect_url(request),
                auth_params={"nonce": nonce},
                nonce=nonce,
            )
        )
    except (OAuth2Error, RequestException) as e:
        return failed(request, provider, str(e))


@require_GET
@login_not_required
@never_cache
def callback(request: HttpRequest) -> HttpResponse:
    """Come back from the provider."""
    if refused := ratelimit.consume_or_429(request, action="provider_sign_in", limit_get=True):
        return _response(refused)
    _provider(request)
    return _callback(request)


def _provider(request: HttpRequest) -> Provider:
    try:
        return Adapter(request).get_provider()
    except SocialApp.DoesNotExist as e:
        raise Http404("OpenID Connect is not configured") from e


def _said(claims: Mapping[str, Any], groups_claim: str) -> Said:
    words = {name: value for name, value in claims.items() if isinstance(value, str)}
    first, _, last = words.get("name", "").partition(" ")
    return Said(
        provider=PROVIDER,
        subject=words["sub"],
        groups=groups_of(_at(claims, groups_claim)),
        username=words.get("preferred_username", ""),
        first_name=words.get("given_name", first),
        last_name=words.get("family_name", last),
        email=words.get("email", ""),
    )


def _at(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of that name, or, where there is none, by a path such as realm_access.roles."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for word in name.split("."):
        found = found.get(word) if isinstance(found, Mapping) else None
    return found


def _response(response: object) -> HttpResponse:
    assert isinstance(response, HttpResponse)
    return response
