"""Stored secrets, where webhooks may go, and whether people can be told."""

from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

from posture.policies import sealing, sign_in
from posture.system_checks.exposure import is_loopback

_NOWHERE: Final = "posture.actions.mailbox.Nowhere"
_MAILBOX: Final = "posture.actions.mailbox.Mailbox"

# Where the machines of AWS get their credentials.
_METADATA = (ip_address("169.254.169.254"), ip_address("fd00:ec2::254"))


@checks.register(checks.Tags.security)
def sealing_keys(**_: Any) -> list[checks.CheckMessage]:
    """E030: stored secrets could be neither read nor written. W030: they hang on the secret key."""
    try:
        sealing.check(settings.POSTURE_SEALING_KEYS)
    except sealing.BadKey as error:
        return [
            checks.Error(
                f"POSTURE_SEALING_KEYS: {error}.",
                hint="Make one with `manage.py reseal --new-key`.",
                id="posture.E030",
            )
        ]
    if settings.POSTURE_SEALING_KEYS or sign_in.is_demo_on():
        return []
    return [
        checks.Warning(
            "POSTURE_SEALING_KEYS is not set: stored secrets (second factors, webhooks) are encrypted "
            "under POSTURE_SECRET_KEY, and lost with it when it changes.",
            hint="Make a key with `manage.py reseal --new-key`, set it, then run `manage.py reseal`.",
            id="posture.W030",
        )
    ]


@checks.register(checks.Tags.security)
def webhook_networks(**_: Any) -> list[checks.CheckMessage]:
    """E031: webhooks could reach every address, or the one that gives out credentials."""
    for network in settings.POSTURE_WEBHOOK_NETWORKS:
        is_metadata = any(a.version == network.version and a in network for a in _METADATA)
        if network.prefixlen == 0 or is_metadata:
            return [
                checks.Error(
                    f"POSTURE_WEBHOOK_NETWORKS has {network}, in which a machine of AWS finds its "
                    "credentials: a webhook could ask for them.",
                    hint="Name only the networks in which your receivers stand, such as 10.20.0.0/16.",
                    id="posture.E031",
                )
            ]
    return []


@checks.register(checks.Tags.security)
def webhook_hosts(**_: Any) -> list[checks.CheckMessage]:
    """E032: an entry that matches nothing, or everything."""
    for entry in settings.POSTURE_WEBHOOK_HOSTS:
        host = entry.removeprefix("*.")
        if "*" in host or "/" in entry or (entry.startswith("*.") and "." not in host):
            return [
                checks.Error(
                    f"POSTURE_WEBHOOK_HOSTS has {entry!r}, which is no name of a host.",
                    hint="Write hooks.example.com, hooks.example.com:8443 or *.example.com.",
                    id="posture.E032",
                )
            ]
    return []


@checks.register(checks.Tags.security)
def notifications(**_: Any) -> list[checks.CheckMessage]:
    """W031: people would be told by mail, with links that lead nowhere."""
    is_mail_set = settings.EMAIL_BACKEND not in (_NOWHERE, _MAILBOX)
    if not is_mail_set or not is_loopback(urlsplit(settings.BASE_URL).hostname or ""):
        return []
    return [
        checks.Warning(
            f"POSTURE_BASE_URL is {settings.BASE_URL}, but mails are sent: the links in them lead to "
            "the reader's own machine.",
            hint="Set it to the address under which people reach Parapet.",
            id="posture.W031",
        )
    ]
