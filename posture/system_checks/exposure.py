"""Combinations by which what Parapet knows of a real organisation would be exposed."""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

from posture.policies.sign_in import is_sandbox

_KEY_LENGTH: Final = 50
_KEY_SIGNS: Final = 5
# What boto3 takes for a yes.
_YES: Final = "true"


def is_real() -> bool:
    """Whether it is an organisation of the real AWS whose weak points the pages show."""
    return not is_sandbox()


def is_loopback(host: str) -> bool:
    """Whether only this machine can be meant by the name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_here() -> bool:
    """Whether people type an address of this very machine."""
    return is_loopback(urlsplit(settings.BASE_URL).hostname or "")


@checks.register(checks.Tags.security)
def demo(**_: Any) -> list[checks.CheckMessage]:
    """E002: demo users have a printed password; they must not meet a real organisation."""
    if not settings.POSTURE_DEMO:
        return []
    around = sorted(name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_"))
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == _YES:
        around.append("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
    if not settings.AWS_ENDPOINT_URL:
        why = "AWS_ENDPOINT_URL is not set"
    elif not is_sandbox():
        why = "AWS_ENDPOINT_URL is an address of AWS"
    elif around:
        why = f"{around[0]} leads some calls past AWS_ENDPOINT_URL"
    else:
        return []
    return [
        checks.Error(
            f"POSTURE_DEMO is on, but {why}: demo users with real AWS.",
            hint="Unset POSTURE_DEMO, or set AWS_ENDPOINT_URL to the sandbox and no other of its kind.",
            id="posture.E002",
        )
    ]


@checks.register(checks.Tags.security)
def debug(**_: Any) -> list[checks.CheckMessage]:
    """E013: error pages would show settings, queries and rows to whoever causes an error."""
    if not settings.DEBUG or not (is_real() or settings.IS_HTTPS):
        return []
    about = "with real AWS" if is_real() else "on a site that others reach by https"
    return [
        checks.Error(
            f"POSTURE_DEBUG is on {about}: its error pages show what the pages protect.",
            hint="Unset POSTURE_DEBUG.",
            id="posture.E013",
        )
    ]


@checks.register(checks.Tags.security)
def secret_key(**_: Any) -> list[checks.CheckMessage]:
    """E014: who guesses the key signs themselves in as anybody."""
    key = settings.SECRET_KEY
    is_given = not key.startswith("missing-")  # E001 speaks of that
    is_weak = len(key) < _KEY_LENGTH or len(set(key)) < _KEY_SIGNS
    if not is_given or not (is_weak or key.startswith("django-insecure-")):
        return []
    return [
        checks.Error(
            f"POSTURE_SECRET_KEY is short or can be guessed ({len(key)} characters).",
            hint="Set it to at least 50 random characters; `make secrets` writes such a file.",
            id="posture.E014",
        )
    ]


@checks.register(checks.Tags.security)
def hosts(**_: Any) -> list[checks.CheckMessage]:
    """E015: links in mails would lead wherever a request says. E050: no page would be answered."""
    problems: list[checks.CheckMessage] = []
    wild = [name for name in settings.ALLOWED_HOSTS if name.strip(".") in {"", "*"}]
    if wild and (is_real() or settings.IS_HTTPS):
        problems.append(
            checks.Error(
                "POSTURE_ALLOWED_HOSTS answers to every name: anybody's page can pass for this site.",
                hint="Name the hosts that people type.",
                id="posture.E015",
            )
        )
    host = (urlsplit(settings.BASE_URL).hostname or "").lower()
    if not wild and not any(_answers(name.lower(), host) for name in settings.ALLOWED_HOSTS):
        problems.append(
            checks.Error(
                f"POSTURE_ALLOWED_HOSTS lacks {host or 'the host'!r} of POSTURE_BASE_URL: every page "
                "would be refused.",
                hint="Add it to POSTURE_ALLOWED_HOSTS, or correct POSTURE_BASE_URL.",
                id="posture.E050",
            )
        )
    return problems


def _answers(allowed: str, host: str) -> bool:
    name = allowed.strip("[]")
    return host == name or (name.startswith(".") and f".{host}".endswith(name))


@checks.register(checks.Tags.security)
def https(**_: Any) -> list[checks.CheckMessage]:
    """E016: passwords, sessions and findings would go through the network readable."""
    if settings.IS_HTTPS or not is_real() or is_here():
        return []
    return [
        checks.Error(
            f"POSTURE_BASE_URL is {settings.BASE_URL} with real AWS: whoever is on the way reads along.",
            hint="Put a proxy with TLS in front and set POSTURE_BASE_URL to its https address.",
            id="posture.E016",
        )
    ]


@checks.register(checks.Tags.security)
def write_back(**_: Any) -> list[checks.CheckMessage]:
    """E017: a password alone would change findings in AWS. W011: the role that reads could, too."""
    if not settings.POSTURE_WRITE_BACK or not is_real():
        return []
    problems: list[checks.CheckMessage] = []
    if settings.POSTURE_LOCAL_SIGN_IN and not settings.POSTURE_LOCAL_SECOND_FACTOR:
        problems.append(
            checks.Error(
                "POSTURE_WRITE_BACK is on, and POSTURE_LOCAL_SECOND_FACTOR off: a guessed password "
                "changes findings in AWS.",
                hint="Unset POSTURE_LOCAL_SECOND_FACTOR, or switch POSTURE_WRITE_BACK off.",
                id="posture.E017",
            )
        )
    if not settings.POSTURE_WRITE_BACK_ROLE_ARN:
        problems.append(
            checks.Warning(
                "POSTURE_WRITE_BACK is on without POSTURE_WRITE_BACK_ROLE_ARN: the role that reads "
                "needs the right to write, too.",
                hint="Deploy deploy/aws/write-back.yaml and name its role.",
                id="posture.W011",
            )
        )
    return problems


@checks.register(checks.Tags.security)
def provider_in_the_clear(**_: Any) -> list[checks.CheckMessage]:
    """E018: what an identity provider answers signs people in; it may not go through the network readable."""
    configured: dict[str, dict[str, Any]] = getattr(settings, "SOCIALACCOUNT_PROVIDERS", {})
    if settings.IS_HTTPS or is_here() or not any(one.get("APPS") for one in configured.values()):
        return []
    return [
        checks.Error(
            f"An identity provider is configured, and POSTURE_BASE_URL is {settings.BASE_URL}: who is "
            "on the way takes over sign-ins.",
            hint="Set POSTURE_BASE_URL to an https address.",
            id="posture.E018",
        )
    ]


@checks.register(checks.Tags.security)
def sandbox(**_: Any) -> list[checks.CheckMessage]:
    """E019: people would take invented findings for their own."""
    endpoint = settings.AWS_ENDPOINT_URL
    if settings.POSTURE_DEMO or not settings.IS_HTTPS or not endpoint.startswith("http://"):
        return []
    return [
        checks.Error(
            f"AWS_ENDPOINT_URL is {endpoint}, no endpoint of AWS, on a site that is no demo: what the "
            "pages show would be invented, and AWS credentials go there readable.",
            hint="Unset AWS_ENDPOINT_URL; a VPC endpoint begins with https://.",
            id="posture.E019",
        )
    ]


# Where files of people are kept, and an example that is right.
_FOLDERS: Final = {"POSTURE_UPLOAD_DIR": "var/uploads", "POSTURE_EVIDENCE_DIR": "var/evidence"}


@checks.register(checks.Tags.security)
def uploads(**_: Any) -> list[checks.CheckMessage]:
    """E051: uploaded findings, or evidence of exceptions, would be served to everybody."""
    # One of these may stand with the name that it is served under.
    folders = [one[1] if isinstance(one, tuple) else one for one in settings.STATICFILES_DIRS]
    served = [Path(one).resolve() for one in (settings.STATIC_ROOT, *folders)]
    return [
        checks.Error(
            f"{name} ({folder}) lies in a folder of static files: everybody could fetch what is "
            "uploaded.",
            hint=f"Choose a folder outside, such as {example}.",
            id="posture.E051",
        )
        for name, example in _FOLDERS.items()
        for folder in [Path(getattr(settings, name)).resolve()]
        if any(folder.is_relative_to(one) for one in served)
    ]
