"""The columns of the findings list, and which of them a person wants to see."""

from dataclasses import dataclass
from typing import Final

from findings.models import ColumnChoice
from inventory.access import AnyUser


@dataclass(frozen=True, slots=True)
class Column:
    """`is_default`: shown to people who have not chosen. Severity and finding are always shown."""

    name: str
    title: str
    is_default: bool = False


# In the order of the table.
COLUMNS: Final = (
    Column("account", "Account", is_default=True),
    Column("control", "Control"),
    Column("area", "Area"),
    Column("ou", "OU"),
    Column("environment", "Environment"),
    Column("team", "Team"),
    Column("region", "Region"),
    Column("product", "Product"),
    Column("type", "Resource type"),
    Column("exposure", "Exposure"),
    Column("workflow", "Workflow"),
    Column("status", "Status"),
    Column("opened", "Opened"),
    Column("updated", "Updated"),
    Column("age", "Age", is_default=True),
    Column("sla", "SLA", is_default=True),
)
DEFAULT: Final = frozenset(column.name for column in COLUMNS if column.is_default)


def chosen(user: AnyUser) -> frozenset[str]:
    """The names of the columns that the person sees. One query."""
    names = ColumnChoice.objects.filter(user=user.pk).values_list("columns", flat=True).first()
    return DEFAULT if names is None else known(names)


def known(names: object) -> frozenset[str]:
    """Those of the names that are columns; a column that has gone since it was chosen is left out."""
    wanted = names if isinstance(names, list) else []
    return frozenset(column.name for column in COLUMNS if column.name in wanted)
