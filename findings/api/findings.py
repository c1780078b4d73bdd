"""/api/v1/findings/: the findings list for programs, by the same queries as the page."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from django.http import Http404
from rest_framework import serializers

from findings.api.rights import MayReadFindings
from findings.api.shapes import FacetShape, FindingDetailShape, FindingShape
from findings.forms import ORDERS, FilterForm
from findings.forms.known import KNOWN
from findings.models import Finding
from findings.models.findings import Feed
from findings.queries import counts, detail, export, listing
from inventory.api import parameters
from inventory.api.fields import Shape, page_of
from inventory.api.parameters import Kind, Parameter
from inventory.api.resources import Asked, Listed, ListResource, Resource
from inventory.web import Page

GROUP: Final = "Findings"
_ORDER: Final = "worst"
_WORD: Final = 130
_FEEDS: Final = {str(feed.label): feed.value for feed in Feed}


def _known(name: str, words: str) -> Parameter:
    return Parameter(name, words, choices=tuple(KNOWN[name]), is_list=True)


def _word(name: str, words: str, **more: Any) -> Parameter:
    return Parameter(name, words, most=_WORD, is_list=True, **more)


FILTERS: Final = (
    _known("severity", "Of this severity."),
    Parameter(
        "status",
        "With this status; OPEN by default.",
        choices=tuple(KNOWN["status"]),
        is_list=True,
    ),
    _word("workflow", "With this Workflow.Status of Security Hub.", example="NEW"),
    _known("area", "Of controls in this security area; `none`: in no area."),
    _word("control", "Of this control.", example="S3.8"),
    _word("product", "Of this product.", example="securityhub"),
    Parameter(
        "account",
        "In this account.",
        pattern=r"[0-9]{12}",
        most=12,
        is_list=True,
        example="111122223333",
    ),
    _word("environment", "In accounts of this environment; `none`: of no environment."),
    Parameter(
        "ou",
        "In the accounts of this OU and of those below it: its id, or its name where only one has it.",
        most=128,
        example="ou-ab12-11111111",
    ),
    _word("team", "In accounts of this team, by its slug; `none`: of no team.", example="payments"),
    _word("region", "In this Region; `none`: in no Region.", example="eu-west-1"),
    _word("type", "About resources of this type.", example="AwsS3Bucket"),
    _known("age", "Open for so long."),
    _known("sla", "By its due date."),
    _known("exposure", "By whether the resource is reachable from the internet."),
    _known("excepted", "With or without an approved exception."),
    Parameter("overdue", "true is short for sla=OVERDUE.", Kind.FLAG),
    Parameter("q", "Words of the title, the resource or an id, each from its beginning."),
)
FIELDS: Final = Parameter(
    "fields",
    "Only these fields, with commas between them; all by default. Fewer make a long list quicker.",
    pattern=r"[a-z_]+(,[a-z_]+)*",
    most=600,
    example="id,severity,title",
)


class FindingList(ListResource):
    """Findings, with the filters, orders and counts of the page.

    Several values of one filter are alternatives; filters are combined. Ages, due dates and counts
    are as of the last rollup. `total` is exact where `is_exact` says so.
    """

    operation = "list_findings"
    group = GROUP
    permission_classes = (MayReadFindings,)
    shape = FindingShape
    beside: ClassVar[Mapping[str, Any]] = {
        "total": serializers.IntegerField(help_text="Findings within the filters."),
        "is_exact": serializers.BooleanField(
            help_text="False: there are more, and so many were counted."
        ),
        "facets": FacetShape(many=True, required=False, help_text="Where `facets=true`."),
    }
    parameters = (
        *FILTERS,
        Parameter(
            "sort",
            "In which order: "
            + "; ".join(f"{name}: {words.lower()}" for name, words in ORDERS)
            + ".",
            choices=tuple(name for name, _ in ORDERS),
            default=_ORDER,
        ),
        FIELDS,
        Parameter(
            "facets",
            "Whether to count what the list can be narrowed to: ask for it on the first page only.",
            Kind.FLAG,
            default=False,
        ),
        *parameters.PAGED,
    )

    def answer(self, asked: Asked, **names: str) -> Listed:
        fields = _fields(asked["fields"])
        form = FilterForm(asked.request.query_params, user=asked.user)
        filters, _ = form.read()
        # The page's cursor is another thing, and has been looked at.
        form.errors.pop("cursor", None)
        parameters.refuse(form)
        summary = None
        if asked["facets"]:
            summary = counts.summary(asked.user, filters, now=asked.now)
        total = summary.total if summary else counts.total(asked.user, filters, now=asked.now)
        page = listing.findings(
            asked.user,
            filters,
            order=asked["sort"],
            cursor_text=asked.cursor,
            now=asked.now,
            summary=summary,
            size=asked.size,
        )
        beside: dict[str, Any] = {"total": total.findings, "is_exact": total.is_exact}
        if summary:
            beside["facets"] = summary.facets
        keys = [row.pk for row in page.rows]
        records = _records(asked, keys, fields)
        rows = tuple(records[key] for key in keys if key in records)
        listed: Page[Any] = Page(rows, page.next_cursor, page.previous_cursor)
        return Listed(listed, beside)

    def written(self, asked: Asked, answer: Any) -> dict[str, Any]:
        """The records are written already, and have the fields that were asked for."""
        rows = list(answer.page.rows)
        page = answer.page
        nothing: Page[Any] = Page((), page.next_cursor, page.previous_cursor)
        return {**super().written(asked, Listed(nothing, answer.beside)), "results": rows}

    @classmethod
    def envelope(cls) -> type[Shape]:
        return page_of(_partial(FindingShape), **cls.beside)


class FindingDetail(Resource):
    """One finding with its history, its vulnerabilities and what AWS sent."""

    operation = "read_finding"
    group = GROUP
    permission_classes = (MayReadFindings,)
    shape = FindingDetailShape
    address = (
        Parameter("id", "The `id` of a finding in the list.", pattern=r"[0-9]{1,18}", most=18),
    )

    def answer(self, asked: Asked, **names: str) -> dict[str, Any]:
        key = int(names["pk"])
        found = detail.finding(asked.user, key, now=asked.now)
        record = _records(asked, [key], tuple(export.FIELDS)).get(key)
        if found is None or record is None:
            raise Http404
        return {
            **record,
            "control_title": found.control_title,
            "feed": _FEEDS[found.feed],
            "description": found.said.description,
            "remediation_text": found.said.remediation_text,
            "remediation_url": found.said.remediation_url,
            "status_note": found.status,
            "notes": found.notes,
            "due_rule": found.due_rule,
            "last_failed_at": found.last_failed_at,
            "vanished_at": found.vanished_at,
            "vulnerabilities": found.vulnerabilities,
            "prevented_by": found.hints,
            "events": found.events,
            "payload": found.payload,
            "others": [other.pk for other in found.others],
            "has_more_others": found.has_more_others,
            "control_open": found.control_open,
        }


def _records(
    asked: Asked, keys: Iterable[int], fields: tuple[str, ...]
) -> dict[int, dict[str, Any]]:
    """These fields of these findings, by key. One query."""
    rows = Finding.objects.visible_to(asked.user).filter(pk__in=keys)
    found = export.records(rows, ("id", *fields))
    return {record[0]: dict(zip(fields, record[1:], strict=True)) for record in found}


def _fields(text: str | None) -> tuple[str, ...]:
    """:raises BadParameters: there is no such field, or one is named twice."""
    if text is None:
        return tuple(export.FIELDS)
    named = text.split(",")
    for name in named:
        if name not in export.FIELDS:
            known = ", ".join(export.FIELDS)
            raise parameters.bad("fields", f"There is no field {name}. Known: {known}.")
    return tuple(dict.fromkeys(named))


def _partial(shape: type[Shape]) -> type[Shape]:
    """The shape with fields that may be absent, because others were asked for."""
    fields = {}
    for name, field in shape().fields.items():
        field.required = False
        fields[name] = field
    return type(shape.__name__, (Shape,), {**fields, "__doc__": shape.__doc__})
