"""Signing in by an identity provider: OpenID Connect or SAML."""

from posture.views.sign_in.providers.addresses import addresses
from posture.views.sign_in.providers.buttons import buttons, registrations

__all__ = ["addresses", "buttons", "registrations"]
