"""Requests of programs, signed with a token: `Authorization: Bearer ppt_…`."""

from typing import Final

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from posture import web
from posture.actions import tokens
from posture.models import ApiToken, TokenUser

_SCHEME: Final = b"bearer"
_REALM: Final = 'Bearer realm="Parapet API"'


class BearerToken(BaseAuthentication):
    """`request.user` is the owner as far as the token goes, `request.auth` the token.

    A request that names a token is answered by that token alone: a bad one is refused with 401, and
    never taken for the person who happens to be signed in.
    """

    def authenticate(self, request: Request) -> tuple[TokenUser, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != _SCHEME:
            return None
        if len(words) != 2:
            raise AuthenticationFailed("Send one token: Authorization: Bearer ppt_…")
        found = tokens.use(
            words[1].decode("ascii", "replace"),
            address=web.client_address(request._request),
            now=timezone.now(),
        )
        if found is None:
            # The same for every reason: who holds a stolen token learns nothing of it.
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        return found

    def authenticate_header(self, request: Request) -> str:
        """What the 401 says about how to come in (RFC 6750)."""
        sent = get_authorization_header(request).lower().startswith(_SCHEME)
        return f'{_REALM}, error="invalid_token"' if sent else _REALM
