"""The story in numbers: a table of weeks, to see whether the invented organisation tells what it should."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sandbox import history
from sandbox.history import catalogue
from sandbox.model import Document, Org, Snapshot
from sandbox.moments import DAY, WEEK, datetime_of, seconds_of_day
from sandbox.org import names

_WEIGHTS = {"CRITICAL": 10, "HIGH": 5, "MEDIUM": 2, "LOW": 1}
OUS = ("customer", "payments", "data", "nonproduction", "sandbox", "exceptions")


@dataclass(frozen=True, slots=True)
class Week:
    """One line of the table."""

    day: str
    accounts: int
    findings: int
    failed: int
    suppressed: int
    score: float | None
    """Weighted pass rate of cells (account, control), 0 to 100; None without any cell."""
    by_ou: dict[str, float | None]


def weeks_until_anchor(org: Org, number: int) -> Iterator[Week]:
    """Yield that many weeks and the anchor day itself, oldest first."""
    anchor = seconds_of_day(org.anchor)
    for week in range(-number, 1):
        yield week_of(history.snapshot(org, datetime_of(anchor + week * WEEK + DAY // 2)))


def week_of(snapshot: Snapshot) -> Week:
    """Return the line of a snapshot."""
    ou_ids = {unit.ou_id: ou.key for ou, unit in zip(names.TREE, snapshot.ous, strict=True)}
    homes = {
        account.account_id: ou_ids.get(account.parent_id, "root") for account in snapshot.accounts
    }
    scored = [finding for finding in snapshot.findings if _is_scored(finding)]
    return Week(
        day=snapshot.now.date().isoformat(),
        accounts=len(snapshot.accounts),
        findings=len(snapshot.findings),
        failed=sum(finding["Compliance"]["Status"] == "FAILED" for finding in scored),
        suppressed=sum(finding["Workflow"]["Status"] == "SUPPRESSED" for finding in scored),
        score=score(scored),
        by_ou={
            ou: score(finding for finding in scored if homes[finding["AwsAccountId"]] == ou)
            for ou in OUS
        },
    )


def score(findings: Iterable[Document]) -> float | None:
    """Return the weighted pass rate of the cells that these control findings make, or None without any."""
    cells: dict[tuple[str, str], list[int]] = {}
    for finding in findings:
        control_id = finding["Compliance"]["SecurityControlId"]
        cell = cells.setdefault((finding["AwsAccountId"], control_id), [0, 0])
        cell[finding["Compliance"]["Status"] == "FAILED"] += 1
    gained = whole = 0.0
    for (_, control_id), (passed, failed) in cells.items():
        weight = _WEIGHTS[catalogue.all_controls()[control_id].severity]
        gained += weight * passed / (passed + failed)
        whole += weight
    return 100 * gained / whole if whole else None


def _is_scored(finding: Document) -> bool:
    """Return whether it is an active PASSED or FAILED of a control that says something about its account."""
    compliance = finding.get("Compliance", {})
    control = catalogue.all_controls().get(compliance.get("SecurityControlId", ""))
    if not control or finding["RecordState"] != "ACTIVE" or control.is_administrator_only:
        return False
    is_vacuous = (
        finding["Resources"][0]["Type"] == catalogue.ACCOUNT_TYPE and not control.is_account_level
    )
    return not is_vacuous and compliance["Status"] in ("PASSED", "FAILED")


def text_of(weeks: Iterable[Week]) -> Iterator[str]:
    """Yield the lines of the table."""
    head = f"{'day':10}  accounts  findings  failed  suppressed  score"
    yield head + "".join(f"  {ou[:8]:>8}" for ou in OUS)
    for week in weeks:
        line = f"{week.day:10}  {week.accounts:8}  {week.findings:8}  {week.failed:6}  {week.suppressed:10}"
        yield f"{line}  {_number(week.score):>5}" + "".join(
            f"  {_number(week.by_ou[ou]):>8}" for ou in OUS
        )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
