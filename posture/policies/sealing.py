"""Secrets that have to be read again (of webhooks, of second factors) are encrypted where they are stored.

Fernet: AES-128-CBC with an HMAC, so that a changed text is noticed. The first key seals, every key
unseals; `manage.py reseal` writes everything anew under the first. Passwords and API tokens are not
sealed but hashed: nobody needs to read them again.
"""

import base64
from collections.abc import Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

# Tells a sealed text from one that was stored before there was sealing, and one way from the next.
PREFIX: Final = "sealed:1:"
_DERIVED_FOR: Final = b"parapet: sealing of stored secrets"
_KEY_BYTES: Final = 32


class BadKey(ValueError):
    """A key that cannot be one; the text says what is wrong with it, never the key itself."""


class Unreadable(ValueError):
    """A text that none of the keys opens: a key was lost, or the text was changed."""

    def __init__(self) -> None:
        super().__init__(
            "A stored secret cannot be read with any key: put the key that sealed it back into "
            "POSTURE_SEALING_KEYS (or POSTURE_SECRET_KEY, where there was none), or make the secret anew."
        )


def new_key() -> str:
    """A key for POSTURE_SEALING_KEYS."""
    return Fernet.generate_key().decode()


def is_sealed(text: str) -> bool:
    return text.startswith(PREFIX)


def seal(text: str) -> str:
    """The text encrypted under the first key.

    :raises BadKey: when POSTURE_SEALING_KEYS holds no proper keys.
    """
    return PREFIX + _keys().encrypt(text.encode()).decode()


def unseal(text: str) -> str:
    """What was sealed.

    :raises Unreadable: when no key opens it.
    :raises BadKey: when POSTURE_SEALING_KEYS holds no proper keys.
    """
    try:
        return _keys().decrypt(_token(text)).decode()
    except InvalidToken as error:
        raise Unreadable from error


def reseal(text: str) -> str:
    """The same secret under the first key; one that was never sealed is sealed.

    :raises Unreadable: when no key opens it.
    """
    return seal(unseal(text) if is_sealed(text) else text)


def is_newest(text: str) -> bool:
    """Whether it is sealed under the first key, so that the others could go."""
    first = Fernet((_configured() or _derived())[0])
    try:
        first.decrypt(_token(text))
    except (InvalidToken, Unreadable):
        return False
    return True


def check(keys: Sequence[str]) -> None:
    """:raises BadKey: naming the first key that is none by its place in the list."""
    for place, key in enumerate(keys, start=1):
        try:
            is_good = len(base64.urlsafe_b64decode(key)) == _KEY_BYTES
        except ValueError:
            is_good = False
        if not is_good:
            raise BadKey(f"key {place} of {len(keys)} is not 32 bytes in URL-safe base64")


def _token(text: str) -> bytes:
    if not is_sealed(text):
        raise Unreadable
    return text.removeprefix(PREFIX).encode()


def _keys() -> MultiFernet:
    """Those of the setting; then those of the secret key, so that setting keys loses nothing."""
    return MultiFernet([Fernet(key) for key in [*_configured(), *_derived()]])


def _configured() -> list[bytes]:
    keys: list[str] = settings.POSTURE_SEALING_KEYS
    check(keys)
    return [key.encode() for key in keys]


def _derived() -> list[bytes]:
    return [_derive(str(one)) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _derive(secret: str) -> bytes:
    # The secret key is long and random (E001 and Django's own check ask for it): no salt is needed.
    derivation = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=_DERIVED_FOR)
    return base64.urlsafe_b64encode(derivation.derive(secret.encode()))
