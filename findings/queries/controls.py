"""The controls and standards of Security Hub, and how many findings of each a person sees.

What AWS checks is no secret of any account: whoever sees an account sees the catalogue. What another
product calls its findings tells what runs there: such a control is for those who see a finding of it.
The numbers beside them are of the person's own accounts.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    Func,
    IntegerField,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, NullIf

from findings.models import Control, FindingCount, Standard, Status
from findings.normalise.controls import standard_of
from findings.queries import explanations, hints
from findings.queries.explanations import Note
from findings.queries.hints import Hint
from inventory import access, links, web
from inventory.access import AnyUser
from inventory.web import Key, Page

PAGE_SIZE: Final = 100
# What the list can be narrowed to, and the words for it.
SHOWN: Final = {
    "unmapped": "Without an area",
    "disabled": "Switched off",
    "failing": "With open findings",
    "unscored": "Not scored",
}
# Those nobody has mapped first, then EC2.2 before EC2.10.
_KEYS: Final = (Key("is_mapped"), Key("service"), Key("number"), Key("control_id"))


@dataclass(frozen=True, slots=True)
class ControlRow:
    """`area` is "" where nobody has mapped the control; numbers are of what the person sees."""

    control_id: str
    title: str
    severity: str
    area: str
    is_enabled: bool
    disabled_reason: str
    is_scored: bool
    standards: int
    open_findings: int
    accounts_failing: int


@dataclass(frozen=True, slots=True)
class StandardRow:
    arn: str
    name: str
    status: str
    controls: int


@dataclass(frozen=True, slots=True)
class Overview:
    """How many controls there are of each kind, for the heads of the page."""

    total: int
    enabled: int
    disabled: int
    unmapped: int
    standards: tuple[StandardRow, ...]


@dataclass(frozen=True, slots=True)
class ControlDetail:
    """One control; `parameters` are (name, value, whether it was changed from AWS's default)."""

    row: ControlRow
    description: str
    remediation_url: str
    parameters: tuple[tuple[str, str, bool], ...]
    standards: tuple[str, ...]
    notes: tuple[Note, ...]
    is_account_level: bool
    hints: tuple[Hint, ...]
    by_status: tuple[tuple[str, str, int], ...]


def _visible(user: AnyUser) -> "QuerySet[Control]":
    controls = Control.objects.all()
    scope = access.scope_of(user)
    if scope.everything:
        return controls
    if scope.nothing:
        return controls.none()
    seen = FindingCount.objects.visible_to(user).values("control")
    return controls.filter(Q(is_scored=True) | Q(pk__in=seen))


def controls(
    user: AnyUser,
    *,
    area: str = "",
    shown: str = "",
    q: str = "",
    cursor_text: str = "",
    size: int = 0,
) -> Page[ControlRow]:
    """One page of the catalogue. Two queries.

    :param area: a code of Area. :param shown: a key of SHOWN.
    """
    rows = _narrowed(user, area=area, shown=shown, q=q)
    cursor = web.read_cursor(cursor_text, keys=_KEYS)
    page = web.keyset(_ordered(rows), keys=_KEYS, cursor=cursor, size=size or PAGE_SIZE)
    counted = _counted(user, page.rows)
    return Page(
        tuple(_row(control, counted) for control in page.rows),
        page.next_cursor,
        page.previous_cursor,
    )


def _narrowed(user: AnyUser, *, area: str, shown: str, q: str) -> "QuerySet[Control]":
    rows = _visible(user)
    if area:
        rows = rows.filter(area=area)
    if q:
        rows = rows.filter(Q(control_id__icontains=q) | Q(title__icontains=q))
    if shown == "unmapped":
        rows = rows.filter(area="")
    elif shown == "disabled":
        rows = rows.filter(status=Control.Status.DISABLED)
    elif shown == "unscored":
        rows = rows.filter(is_scored=False)
    elif shown == "failing":
        rows = rows.filter(pk__in=_open(user).values("control"))
    return rows


def _ordered(rows: "QuerySet[Control]") -> "QuerySet[Control]":
    number = NullIf(_digits_of_second_part(), Value(""))
    return rows.annotate(
        is_mapped=Case(When(area="", then=Value(0)), default=Value(1), output_field=IntegerField()),
        service=_part(1),
        number=Coalesce(Cast(number, IntegerField()), Value(0)),
    )


def _part(index: int) -> Any:  # an expression that no stub describes
    return Func(
        F("control_id"), Value("."), Value(index), function="split_part", output_field=CharField()
    )


def _digits_of_second_part() -> Any:
    return Func(
        _part(2),
        Value(r"^(\d{1,9}).*$|^.*$"),
        Value(r"\1"),
        function="regexp_replace",
        output_field=CharField(),
    )


def _open(user: AnyUser) -> "QuerySet[FindingCount]":
    return FindingCount.objects.visible_to(user).filter(status=Status.OPEN)


def _counted(user: AnyUser, rows: tuple[Control, ...]) -> dict[int, tuple[int, int]]:
    """Open findings and accounts that have them, by control. One query."""
    counted = (
        _open(user)
        .filter(control__in=[control.pk for control in rows])
        .values("control_id")
        .annotate(open=Sum("findings"), accounts=Count("account", distinct=True))
        .order_by()
    )
    return {row["control_id"]: (row["open"], row["accounts"]) for row in counted}


def _row(control: Control, counted: dict[int, tuple[int, int]]) -> ControlRow:
    open_findings, accounts = counted.get(control.pk, (0, 0))
    return ControlRow(
        control_id=control.control_id,
        title=control.title,
        severity=control.severity,
        area=control.get_area_display() if control.area else "",
        is_enabled=control.status == Control.Status.ENABLED,
        disabled_reason=control.disabled_reason,
        is_scored=control.is_scored,
        standards=len(control.standards),
        open_findings=open_findings,
        accounts_failing=accounts,
    )


def overview(user: AnyUser) -> Overview:
    """The heads of the page. Two queries, three with the standards."""
    disabled = Q(status=Control.Status.DISABLED)
    sums = _visible(user).aggregate(
        total=Count("pk"),
        disabled=Count("pk", filter=disabled),
        unmapped=Count("pk", filter=Q(area="")),
    )
    return Overview(
        total=sums["total"],
        enabled=sums["total"] - sums["disabled"],
        disabled=sums["disabled"],
        unmapped=sums["unmapped"],
        standards=_standards(user) if sums["total"] else (),
    )


def _standards(user: AnyUser) -> tuple[StandardRow, ...]:
    parts = _visible(user).exclude(standards=[]).values_list("standards", flat=True)
    counted: dict[str, int] = {}
    for names in parts:
        for name in names:
            counted[str(name)] = counted.get(str(name), 0) + 1
    return tuple(
        StandardRow(
            arn=standard.arn,
            name=standard.name or standard.arn,
            status=standard.status,
            controls=counted.get(standard_of(standard.arn), 0),
        )
        for standard in Standard.objects.order_by("name", "arn")
    )


def control(user: AnyUser, control_id: str, *, today: date) -> ControlDetail | None:
    """One control; None when there is none, or the person sees nothing. Four queries at most."""
    found = _visible(user).filter(control_id=control_id).order_by("pk").first()
    if found is None:
        return None
    url = found.remediation_url
    return ControlDetail(
        row=_row(found, _counted(user, (found,))),
        description=found.description,
        remediation_url=url if links.is_web_link(url) else "",
        parameters=_parameters(found.parameters),
        standards=_names_of(found.standards),
        notes=explanations.scope(found, today=today),
        is_account_level=found.is_account_level,
        hints=hints.for_control(found.control_id),
        by_status=_by_status(user, found),
    )


def _by_status(user: AnyUser, found: Control) -> tuple[tuple[str, str, int], ...]:
    """(code, label, findings) in the order of Status, without what there is none of."""
    rows = FindingCount.objects.visible_to(user).filter(control=found).values("status")
    summed = rows.annotate(findings_sum=Sum("findings")).order_by()
    counted = {row["status"]: row["findings_sum"] for row in summed}
    return tuple(
        (status.value, str(status.label), counted[status]) for status in Status if status in counted
    )


def _names_of(standards: Any) -> tuple[str, ...]:
    """The names of the standards that a control is part of, its id where AWS gave no name."""
    if not isinstance(standards, list):
        return ()
    names = {standard_of(row.arn): row.name for row in Standard.objects.all()}
    return tuple(sorted(names.get(str(part)) or str(part) for part in standards))


def _parameters(parameters: Any) -> tuple[tuple[str, str, bool], ...]:
    """Security Hub's {name: {ValueType, Value: {Integer: 90}}} as names and values."""
    if not isinstance(parameters, dict):
        return ()
    return tuple(
        (str(name), _value(said), _at(said, "ValueType") == "CUSTOM")
        for name, said in sorted(parameters.items())
    )


def _at(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _value(said: Any) -> str:
    value = _at(said, "Value") if isinstance(said, dict) else said
    while isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "AWS's default" if value is None else str(value)
