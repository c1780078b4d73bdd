"""JavaScript that packages bring, and that pages of ours load."""

import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from deploy.supply_chain.locks import CouldNotLook


@dataclass(frozen=True, slots=True)
class Browser:
    """JavaScript that a package brings, and that a page of ours loads."""

    name: str
    licence: str
    package: str
    file: str
    version: str  # pattern with one group


SCRIPTS: Final = (
    Browser(
        "htmx.org",
        "0BSD",
        "django-htmx",
        "django_htmx/static/django_htmx/htmx-2.js",
        r"version: '([0-9.]+)'",
    ),
    Browser(
        "swagger-ui-dist",
        "Apache-2.0",
        "drf-spectacular-sidecar",
        "drf_spectacular_sidecar/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js",
        r'PACKAGE_VERSION:"([0-9.]+)"',
    ),
)


def version_of(one: Browser) -> str:
    """:raises CouldNotLook: when the file is not there or names none."""
    path = Path(str(metadata.distribution(one.package).locate_file(one.file)))
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = re.search(one.version, text)
    if found is None:
        raise CouldNotLook(f"the version of {one.name} could not be read in {one.file}")
    return found[1]
