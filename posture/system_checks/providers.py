"""Identity providers, as far as their configuration can be wrong without anybody noticing."""

from datetime import timedelta
from typing import Any, Final

from cryptography import x509
from django.conf import settings
from django.core import checks
from django.utils import timezone

_SOON: Final = timedelta(days=30)


@checks.register(checks.Tags.security)
def saml_certificates(**_: Any) -> list[checks.CheckMessage]:
    """E020, W020: by them the answers of the provider are known; without a good one nobody signs in."""
    apps = settings.SOCIALACCOUNT_PROVIDERS.get("saml", {}).get("APPS", [])
    try:
        found = [
            x509.load_pem_x509_certificate(text.encode())
            for app in apps
            for text in app["settings"]["certificates"]
        ]
    except ValueError:
        return [
            checks.Error(
                "POSTURE_SAML_CERTIFICATE is no certificate: no answer of the provider can be checked.",
                hint="Set it to the signing certificate of the provider, -----BEGIN CERTIFICATE-----.",
                id="posture.E020",
            )
        ]
    end = max((one.not_valid_after_utc for one in found), default=None)
    now = timezone.now()  # noqa: TID251 - a check is called by nobody who would know
    if end is None or end > now + _SOON:
        return []
    return [
        checks.Warning(
            f"POSTURE_SAML_CERTIFICATE is good until {end:%Y-%m-%d} only.",
            hint="Add the next certificate of the provider; several may stand one after the other.",
            id="posture.W020",
        )
    ]


@checks.register(checks.Tags.security)
def people_without_group(**_: Any) -> list[checks.CheckMessage]:
    """W021: an account for everybody whom the provider knows."""
    apps = [app for one in settings.SOCIALACCOUNT_PROVIDERS.values() for app in one.get("APPS", [])]
    if not apps or settings.POSTURE_PROVIDER_WITHOUT_GROUP == "refuse":
        return []
    return [
        checks.Warning(
            "POSTURE_PROVIDER_WITHOUT_GROUP is allow: whoever the identity provider lets through gets an "
            "account, and keeps it when they leave every mapped group.",
            hint="Set it to refuse, unless roles are given by hand here.",
            id="posture.W021",
        )
    ]
