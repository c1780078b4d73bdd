"""The providers that are configured: as the sign-in page offers them, and as they know Parapet."""

from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.urls import reverse

_STARTS: Final = {"openid_connect": "oidc_sign_in", "saml": "saml_sign_in"}


@dataclass(frozen=True, slots=True)
class Button:
    """`name` is what the people of the organisation call the provider."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Registration:
    """What the administrators of a provider need to know: words with an address or a name."""

    name: str
    protocol: str
    facts: tuple[tuple[str, str], ...]


def buttons() -> tuple[Button, ...]:
    """In the order of the settings; none where no provider is configured."""
    return tuple(Button(app["name"], reverse(_STARTS[kind])) for kind, app in _apps())


def registrations() -> tuple[Registration, ...]:
    """The same providers."""
    return tuple(_registration(kind, app) for kind, app in _apps())


def _apps() -> list[tuple[str, dict[str, Any]]]:
    return [
        (kind, app)
        for kind, one in settings.SOCIALACCOUNT_PROVIDERS.items()
        for app in one.get("APPS", [])
        if kind in _STARTS
    ]


def _registration(kind: str, app: dict[str, Any]) -> Registration:
    own = app["settings"]
    if kind == "saml":
        facts = (
            ("Metadata, entity id", _address("saml_metadata")),
            ("Answers go to", _address("saml_acs")),
            ("Identity provider", own["entity_id"]),
            ("Attribute with the groups", own["groups"]),
            ("Subject", own["subject"] or "NameID, persistent"),
        )
        return Registration(app["name"], "SAML", facts)
    facts = (
        ("Redirect address", _address("oidc_callback")),
        ("Issuer", own["server_url"]),
        ("Client", app["client_id"]),
        ("Claim with the groups", own["groups"]),
        ("Scopes", " ".join(own["scope"])),
    )
    return Registration(app["name"], "OpenID Connect", facts)


def _address(name: str) -> str:
    return f"{settings.BASE_URL}{reverse(name)}"
