"""The columns of the heat map: what has to be on."""

from dataclasses import dataclass

from inventory.facts import DETECTION, Fact

NAMES = {
    Fact.CLOUDTRAIL: "CloudTrail",
    Fact.CONFIG_RECORDER: "Config",
    Fact.GUARDDUTY: "GuardDuty",
    Fact.SECURITY_HUB: "Security Hub",
    Fact.INSPECTOR_EC2: "Inspector EC2",
    Fact.INSPECTOR_ECR: "Inspector ECR",
    Fact.INSPECTOR_LAMBDA: "Inspector Lambda",
    Fact.MACIE: "Macie",
    Fact.MACIE_DISCOVERY: "Macie discovery",
}
FACTS = tuple(NAMES)
# Their source says UNAVAILABLE only where AWS does not offer the service in the Region.
TOLD_BY_ADMINISTRATORS = frozenset(FACTS) - {Fact.CLOUDTRAIL, Fact.CONFIG_RECORDER}
# Not expected where AWS does not offer them. The four of detection are, in every Region that may be
# used (K22): one without them is a blind spot, whoever is to blame.
NOT_EVERYWHERE = frozenset(FACTS) - frozenset(DETECTION)


@dataclass(frozen=True, slots=True)
class Column:
    """`facts` are on together or the column is not; `slug` stands in addresses and rows."""

    slug: str
    name: str
    facts: tuple[Fact, ...]

    @property
    def mask(self) -> int:
        """Its facts as bits by their place in FACTS."""
        return sum(1 << FACTS.index(fact) for fact in self.facts)


SERVICES = (
    Column("detection", "All four", DETECTION),
    Column("cloudtrail", "CloudTrail", (Fact.CLOUDTRAIL,)),
    Column("config", "Config", (Fact.CONFIG_RECORDER,)),
    Column("guardduty", "GuardDuty", (Fact.GUARDDUTY,)),
    Column("securityhub", "Security Hub", (Fact.SECURITY_HUB,)),
    Column("inspector-ec2", "Inspector EC2", (Fact.INSPECTOR_EC2,)),
    Column("inspector-ecr", "Inspector ECR", (Fact.INSPECTOR_ECR,)),
    Column("inspector-lambda", "Inspector Lambda", (Fact.INSPECTOR_LAMBDA,)),
    Column("macie", "Macie", (Fact.MACIE,)),
    Column("discovery", "Macie discovery", (Fact.MACIE_DISCOVERY,)),
)


def column(slug: str) -> Column | None:
    """The column with this slug."""
    return next((one for one in SERVICES if one.slug == slug), None)
