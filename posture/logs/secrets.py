"""Secrets in a line of a log, covered: the second line of defence. The first is not to write them."""

import os
import re
from functools import cache
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from django.conf import settings

COVERED: Final = "[secret]"

_PATTERNS: Final = (
    # Ours: tokens, secrets of webhooks, sealed ones. And keys of AWS.
    r"(?:ppt|whsec)_[A-Za-z0-9+/=_-]{8,}",
    r"sealed:\d+:[A-Za-z0-9_=:-]+",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    # A signed message, such as an identity token.
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
    # scheme://name:password@host
    r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)",
    # The key in the link that sets a new password.
    r"(?<=/new-password/)[0-9A-Za-z-]{10,}",
    r"(?i:(?<=bearer )|(?<=basic ))[^\s\"',;]+",
    # Names of what is secret, with = or : and a value, quoted or not.
    r"""(?ix:(?<![a-z])["']?(?:
        [a-z_-]*password | passwd | [a-z_-]*secret(?:_?(?:access_?)?key)? | access_?key_?id
        | session_?token | (?:x-amz-)?security-token | x-amz-credential | (?:x-amz-)?signature
        | refresh_token | access_token | id_token | samlresponse | csrf(?:middleware)?token
        | (?:__host-)?(?:session(?:id)?|csrf) | authorization | cookie | totp | recovery_codes?
        )["']?\s*[=:]\s*(?:b?"[^"]*" | b?'[^']*' | [^\s,;&<>)}\]]+))""",
)
_FORMS: Final = re.compile("|".join(_PATTERNS))
# Shorter values are words that stand in any text.
_SHORTEST: Final = 8


def cover(text: str) -> str:
    """The text without what looks like a secret, and without the secrets of this installation."""
    known = _known()
    if known is not None:
        text = known.sub(COVERED, text)
    return _FORMS.sub(COVERED, text)


@cache
def _known() -> re.Pattern[str] | None:
    """The installation's own secrets, the longest first; None where it has none that is long enough."""
    values = {value for value in _values() if len(value) >= _SHORTEST}
    words = sorted(values, key=len, reverse=True)
    return re.compile("|".join(re.escape(word) for word in words)) if words else None


def _values() -> list[str]:
    values = [
        settings.SECRET_KEY,
        settings.EMAIL_HOST_PASSWORD,
        settings.POSTURE_DEMO_PASSWORD,
        settings.POSTURE_EXTERNAL_ID,
        str(settings.DATABASES["default"].get("PASSWORD") or ""),
        unquote(urlsplit(settings.REDIS_URL).password or ""),
        *settings.POSTURE_SEALING_KEYS,
        *_secrets_in(settings.SOCIALACCOUNT_PROVIDERS),
    ]
    values += [os.environ.get(name, "") for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]
    return [str(value) for value in values]


def _secrets_in(value: Any) -> list[str]:
    """What stands under `secret` or `key`, or a private key, at any depth of the providers' settings."""
    if isinstance(value, list | tuple):
        return [found for item in value for found in _secrets_in(item)]
    if not isinstance(value, dict):
        return []
    here = [item for name, item in value.items() if isinstance(item, str) and _is_secret(name)]
    return here + [found for item in value.values() for found in _secrets_in(item)]


def _is_secret(name: object) -> bool:
    return any(word in str(name).lower() for word in ("secret", "private", "password"))
