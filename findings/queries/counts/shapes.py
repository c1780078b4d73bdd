"""What the counts of a page are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from findings.models import Dimension

# A list that has to be counted row by row is counted this far.
COUNTED: Final = 10_000
# A facet with more values than this is opened by a request of its own, and shows so many.
SHOWN: Final = 25


@dataclass(frozen=True, slots=True)
class Total:
    """`is_exact` is False when there are more than were counted."""

    findings: int
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet; `findings` is None where it cannot be counted exactly.

    "" of a facet with one choice is "everything", else a value that cannot be filtered by.
    """

    value: str
    label: str
    findings: int | None
    is_on: bool
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one dimension, each counted within all other filters.

    :ivar is_lazy: it has many values, and `choices` are those chosen until it is opened.
    :ivar more: how many values with findings are not among the choices of an opened facet.
    """

    name: str
    title: str
    is_single: bool
    choices: tuple[Choice, ...]
    is_lazy: bool = False
    more: int = 0

    @property
    def on(self) -> int:
        return sum(choice.is_on and bool(choice.value) for choice in self.choices)


@dataclass(frozen=True, slots=True)
class Summary:
    """The total of a list of findings, what it can be narrowed to, and how many there are at all."""

    total: Total
    facets: tuple[Facet, ...]
    everything: Total


@dataclass(frozen=True, slots=True)
class Kind:
    """A facet as such: its parameter, its field of Filters and its dimension (None is the status)."""

    name: str
    field: str
    dimension: Dimension | None
    title: str
    is_single: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """Findings by facet and value; a facet that could not be counted is not there.

    Values are those of Filters, NONE where it may be filtered by, and OUs by their paths.
    """

    total: Total
    findings: Mapping[str, Mapping[str, int]]


FACETS: Final = (
    Kind("severity", "severities", Dimension.SEVERITY, "Severity"),
    Kind("status", "statuses", None, "Status"),
    Kind("sla", "slas", Dimension.SLA, "Due date"),
    Kind("age", "ages", Dimension.AGE, "Age"),
    Kind("exposure", "exposures", Dimension.EXPOSURE, "Exposure"),
    Kind("area", "areas", Dimension.AREA, "Security area"),
    Kind("control", "controls", Dimension.CONTROL, "Control"),
    Kind("ou", "ou_path", Dimension.OU, "Organisational unit", is_single=True),
    Kind("account", "accounts", Dimension.ACCOUNT, "Account"),
    Kind("environment", "environments", Dimension.ENVIRONMENT, "Environment"),
    Kind("team", "teams", Dimension.TEAM, "Team"),
    Kind("region", "regions", Dimension.REGION, "Region"),
    Kind("product", "products", Dimension.PRODUCT, "Product"),
    Kind("type", "resource_types", Dimension.TYPE, "Resource type"),
    Kind("workflow", "workflows", Dimension.WORKFLOW, "Workflow"),
    Kind("excepted", "excepted", Dimension.EXCEPTED, "Exceptions"),
)
