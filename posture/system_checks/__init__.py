"""System checks: each names the variable or file that is wrong, and the remedy.

`manage.py check` runs them, and so does every command that needs the database: an error stops
migrations, and with them the start. The tests of each are in tests/posture/test_system_checks.py.
"""

from posture.system_checks.environment import (
    agreed_kpis,
    catalogue_folders,
    due_dates,
    environment,
    hub_role,
)
from posture.system_checks.exposure import (
    debug,
    demo,
    hosts,
    https,
    provider_in_the_clear,
    sandbox,
    secret_key,
    uploads,
    write_back,
)
from posture.system_checks.outgoing import (
    notifications,
    sealing_keys,
    webhook_hosts,
    webhook_networks,
)
from posture.system_checks.providers import people_without_group, saml_certificates
from posture.system_checks.signing_in import second_factor, trusted_proxies, way_in
from posture.system_checks.wires import broker, database, mail, strict_transport

__all__ = [
    "agreed_kpis",
    "broker",
    "catalogue_folders",
    "database",
    "debug",
    "demo",
    "due_dates",
    "environment",
    "hosts",
    "https",
    "hub_role",
    "mail",
    "notifications",
    "people_without_group",
    "provider_in_the_clear",
    "saml_certificates",
    "sandbox",
    "sealing_keys",
    "second_factor",
    "secret_key",
    "strict_transport",
    "trusted_proxies",
    "uploads",
    "way_in",
    "webhook_hosts",
    "webhook_networks",
    "write_back",
]
