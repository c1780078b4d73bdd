"""Typed access to the environment.

A value comes from the process environment, else from the file named by `NAME_FILE` (secrets), else
from `.env`, else from `var/local.env` (what `make run` writes). A wrong value does not stop the
import: it is remembered in `problems`, and posture.system_checks turns it into an error that names
the variable and the remedy.
"""

import os
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values

BASE_DIR = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Problem:
    name: str
    message: str
    remedy: str


problems: list[Problem] = []


def _files() -> dict[str, str]:
    values: dict[str, str] = {}
    if os.environ.get("POSTURE_IGNORE_ENV_FILES") == "1":
        return values
    for path in (BASE_DIR / "var" / "local.env", BASE_DIR / ".env"):
        if path.is_file():
            values |= {k: v for k, v in dotenv_values(path).items() if v is not None}
    return values


_from_files = _files()
# boto3 and other libraries read their own variables straight from the process environment.
for _name, _value in _from_files.items():
    if _name.startswith("AWS_"):
        os.environ.setdefault(_name, _value)


def _raw(name: str) -> str | None:
    """The text of a variable, or None when it is set nowhere; an empty text counts as not set."""
    if os.environ.get(name):
        return os.environ[name]
    file_name = os.environ.get(f"{name}_FILE") or _from_files.get(f"{name}_FILE")
    if file_name:
        try:
            return Path(file_name).read_text(encoding="utf-8").strip() or None
        except OSError as error:
            problem(f"{name}_FILE", f"cannot be read: {error}", "Name a file that exists.")
            return None
    return _from_files.get(name) or None


def problem(name: str, message: str, remedy: str) -> None:
    """Remember that a variable is wrong; the system checks report it."""
    problems.append(Problem(name, message, remedy))


def text(name: str, default: str = "") -> str:
    return _raw(name) or default


def secret(name: str, *, remedy: str) -> str:
    """A required secret; its absence is a problem, and the returned text is then unusable on purpose."""
    value = _raw(name)
    if value is None:
        problem(name, "is not set", remedy)
        return f"missing-{name}"
    return value


def flag(name: str, *, default: bool = False) -> bool:
    value = _raw(name)
    if value is None:
        return default
    if value.lower() in {"1", "true", "yes", "on"}:
        return True
    if value.lower() in {"0", "false", "no", "off"}:
        return False
    problem(name, f"is {value!r}, which is neither yes nor no", "Use 1 or 0.")
    return default


def number(name: str, default: int, *, low: int, high: int) -> int:
    """A whole number between `low` and `high`, both inclusive."""
    value = _raw(name)
    if value is None:
        return default
    try:
        result = int(value)
    except ValueError:
        problem(name, f"is {value!r}, which is not a whole number", f"Use {low} to {high}.")
        return default
    if not low <= result <= high:
        problem(name, f"is {result}, outside {low} to {high}", f"Use {low} to {high}.")
        return default
    return result


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of `choices`, in any case."""
    value = (_raw(name) or default).lower()
    if value not in choices:
        problem(name, f"is {value!r}, which is not known", f"Use {' or '.join(choices)}.")
        return default
    return value


def time_zone(name: str, default: str = "UTC") -> str:
    """A time zone by its name in the IANA database."""
    value = _raw(name) or default
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        remedy = "Use a name such as Europe/Zurich or America/New_York."
        problem(name, f"is {value!r}, which is no time zone of the IANA database", remedy)
        return default
    return value


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Addresses and networks such as 10.0.0.0/8, separated by commas."""
    found: list[IPv4Network | IPv6Network] = []
    for word in words(name):
        try:
            found.append(ip_network(word))
        except ValueError as error:
            problem(name, f"names {word!r}: {error}", "Use addresses or networks like 10.0.0.0/8.")
    return found


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A comma-separated list without blanks."""
    value = _raw(name)
    return [word.strip() for word in value.split(",") if word.strip()] if value else list(default)


def days(name: str) -> frozenset[date]:
    """Days such as 2026-12-25, separated by commas."""
    found = set()
    for word in words(name):
        try:
            found.add(datetime.strptime(word, "%Y-%m-%d").replace(tzinfo=UTC).date())
        except ValueError:
            problem(name, f"names {word!r}, which is no day", "Use days such as 2026-12-25.")
    return frozenset(found)


def database(name: str = "DATABASE_URL") -> dict[str, object]:
    """Django's settings of one Postgres database from postgresql://user:password@host:port/name.

    A Unix socket folder stands in `?host=/folder`, as libpq has it.
    """
    value = _raw(name)
    remedy = "Use postgresql://user:password@host:5432/parapet, or start everything by `make run`."
    if value is None:
        problem(name, "is not set", remedy)
        value = "postgresql://parapet@127.0.0.1:5432/parapet"
    parts = urlsplit(value)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        problem(name, "is not the address of a Postgres database", remedy)
    query = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.pop("host", "")) or parts.hostname or "",
        "PORT": str(parts.port or query.pop("port", "") or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {key: unquote(word) for key, word in query.items()},
    }


def identity_providers() -> dict[str, Any]:
    """Who signs people in besides Parapet itself, as allauth has it in SOCIALACCOUNT_PROVIDERS.

    OpenID Connect, SAML, both or none: each is off until its first variable is set.
    """
    found: dict[str, Any] = {}
    if text("POSTURE_OIDC_ISSUER"):
        found["openid_connect"] = {"APPS": [_oidc()]}
    elif text("POSTURE_OIDC_CLIENT_ID"):
        remedy = "Set the address that the provider calls its issuer."
        problem("POSTURE_OIDC_ISSUER", "is not set, but POSTURE_OIDC_CLIENT_ID is", remedy)
    if text("POSTURE_SAML_ENTITY_ID"):
        found["saml"] = {"APPS": [_saml()]}
    elif text("POSTURE_SAML_SIGN_IN_URL"):
        remedy = "Set the entity id of the identity provider, as its metadata has it."
        problem("POSTURE_SAML_ENTITY_ID", "is not set, but POSTURE_SAML_SIGN_IN_URL is", remedy)
    return found


def _oidc() -> dict[str, Any]:
    remedy = "The provider shows it where Parapet is registered as a client."
    issuer = _private_address("POSTURE_OIDC_ISSUER")
    return {
        "provider_id": "oidc",
        "name": text("POSTURE_OIDC_NAME", "single sign-on")[:40],
        "client_id": secret("POSTURE_OIDC_CLIENT_ID", remedy=remedy),
        "secret": secret("POSTURE_OIDC_CLIENT_SECRET", remedy=remedy),
        "settings": {
            # allauth puts /.well-known/openid-configuration behind it.
            "server_url": issuer.rstrip("/"),
            "scope": ["openid", *words("POSTURE_OIDC_SCOPES", ("profile", "email"))],
            "oauth_pkce_enabled": True,
            "groups": text("POSTURE_OIDC_GROUPS_CLAIM", "groups"),
        },
    }


def _saml() -> dict[str, Any]:
    remedy = "Copy it from the metadata of the identity provider."
    certificates = secret("POSTURE_SAML_CERTIFICATE", remedy=remedy)
    return {
        "provider_id": "saml",
        "client_id": "saml",
        "name": text("POSTURE_SAML_NAME", "single sign-on")[:40],
        "settings": {
            "entity_id": text("POSTURE_SAML_ENTITY_ID"),
            "sign_in_url": _private_address("POSTURE_SAML_SIGN_IN_URL"),
            # Several while the provider changes its key.
            "certificates": re.findall(r"-{5}BEGIN.*?END CERTIFICATE-{5}", certificates, re.DOTALL)
            or [certificates],
            "groups": text("POSTURE_SAML_GROUPS_ATTRIBUTE", "groups"),
            # "" is the NameID.
            "subject": text("POSTURE_SAML_SUBJECT_ATTRIBUTE"),
        },
    }


def _private_address(name: str) -> str:
    """An https address; http on this machine alone, where nobody can listen in between."""
    value = text(name)
    parts = urlsplit(value)
    is_here = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not is_here and (parts.scheme != "https" or not parts.hostname):
        problem(name, f"is {value!r}, which is no https address", "Use https://…")
    return value


def package(name: str) -> Path:
    """The folder of an installed package."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ImportError(f"the package {name} is not installed")
    return Path(spec.origin).parent
