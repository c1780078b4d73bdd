"""GetFindingsV2: the same findings in OCSF, with composite filters and OU scopes."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.model import Document
from sandbox.server import paging
from sandbox.server.calls import Call
from sandbox.server.errors import Answer, ApiError, Failure
from sandbox.server.security_hub.comparisons import (
    BadFilter,
    Test,
    boolean_test,
    date_test,
    ip_test,
    map_test,
    number_test,
    string_test,
)
from sandbox.server.security_hub.fields import values_at
from sandbox.server.security_hub.filters import Predicate, sorted_rows
from sandbox.server.security_hub.findings import MAX_PAGE, page_answer, scope_of
from sandbox.server.security_hub.hub import is_administrator
from sandbox.server.security_hub.ocsf import to_ocsf
from sandbox.server.world import Moment

_MAX_COMPOSITES = 10
_MAX_FILTERS = 20
_MAX_SCOPES = 10
# For resources that no control checks.
_MORE_TYPES = {
    "AwsAccount": "AWS::::Account",
    "AwsEc2Instance": "AWS::EC2::Instance",
    "AwsEcrContainerImage": "AWS::ECR::ContainerImage",
}


def get_findings_v2(call: Call, moment: Moment) -> Answer:
    size = paging.page_size(call.params, default=MAX_PAGE, largest=MAX_PAGE)
    offset = call.offset()
    try:
        result = _result(call, moment)
    except (BadFilter, KeyError, TypeError, AttributeError) as error:
        raise Failure("invalid", f"Invalid filter: {error}") from error
    shown, end = paging.cut(result, offset, size, empty=call.is_page_empty)
    number = call.token.result if call.token else 0
    if end is not None and not number:
        number = moment.findings.keep(result)
    texts = [json.dumps(ocsf_of(moment, row), separators=(",", ":")).encode() for row in shown]
    return page_answer("Findings", b",".join(texts), call.next_token(moment, end, number))


def _result(call: Call, moment: Moment) -> Sequence[int]:
    kept = moment.findings.kept(call.token.result) if call.token else None
    if kept is not None:
        return kept
    found = matching(call, moment, call.params.get("Filters") or {})
    criteria = call.params.get("SortCriteria") or []
    if criteria:
        pairs = [(row, ocsf_of(moment, row)) for row in found]
        found = sorted_rows(pairs, criteria, lambda field: tuple(field.split(".")))
    return found


def matching(call: Call, moment: Moment, filters: Document) -> Sequence[int]:
    """Give the rows that the caller may see, that its Scopes hold and that the filters let through.

    :raises BadFilter: when the filters break a rule of the API
    """
    matches = _compile(filters, moment.now)
    accounts = _accounts_in_scope(call, moment)
    seen = moment.findings.query({}, [], moment.now, scope_of(call, moment))
    found = [row for row in seen if matches(ocsf_of(moment, row))]
    if accounts is not None:
        rows = moment.findings.rows
        found = [row for row in found if rows[row].document["AwsAccountId"] in accounts]
    return found


def ocsf_of(moment: Moment, row: int) -> Document:
    """Give a row of this version in OCSF."""
    derived = moment.findings.derived
    if row not in derived:
        types = {item.resource_type: item.config_resource_type for item in moment.snapshot.controls}
        derived[row] = to_ocsf(moment.findings.rows[row].document, {**_MORE_TYPES, **types})
    return derived[row]


def _accounts_in_scope(call: Call, moment: Moment) -> set[str] | None:
    """Give the accounts below the OUs of Scopes; None without Scopes. Only the administrator may ask."""
    scopes = (call.params.get("Scopes") or {}).get("AwsOrganizations")
    if not scopes:
        return None
    if not is_administrator(call, moment):
        raise Failure("denied", "Only the delegated administrator may use Scopes")
    if len(scopes) > _MAX_SCOPES:
        raise BadFilter(f"Scopes may have at most {_MAX_SCOPES} items")
    accounts: set[str] = set()
    for scope in scopes:
        accounts |= _accounts_below(scope, moment)
    return accounts


def _accounts_below(scope: Document, moment: Moment) -> set[str]:
    organization_id = scope.get("OrganizationId", moment.org.organization_id)
    if organization_id != moment.org.organization_id:
        raise ApiError("OrganizationNotFoundException", "The organization was not found")
    ou_id = scope.get("OrganizationalUnitId", moment.org.root_id)
    if not moment.path_to(ou_id) or ou_id in moment.accounts:
        raise ApiError(
            "OrganizationalUnitNotFoundException", "The organizational unit was not found"
        )
    return {
        account.account_id
        for account in moment.snapshot.accounts
        if ou_id in account.path.split("/")
    }


def _compile(filters: Document, now: datetime) -> Predicate:
    composites = filters.get("CompositeFilters") or []
    if len(composites) > _MAX_COMPOSITES:
        raise BadFilter(f"CompositeFilters may have at most {_MAX_COMPOSITES} items")
    join = any if filters.get("CompositeOperator") == "OR" else all
    tests = [_composite(item, now) for item in composites]
    return lambda document: not tests or join(test(document) for test in tests)


def _composite(item: Document, now: datetime) -> Predicate:
    makers: Mapping[str, Callable[[list[Document]], Test]] = {
        "StringFilters": lambda values: string_test(values, words=True),
        "DateFilters": lambda values: date_test(values, now),
        "BooleanFilters": boolean_test,
        "NumberFilters": number_test,
        "MapFilters": map_test,
        "IpFilters": ip_test,
    }
    tests: list[Predicate] = [
        _composite(nested, now) for nested in item.get("NestedCompositeFilters") or []
    ]
    for kind, maker in makers.items():
        named = item.get(kind) or []
        if len(named) > _MAX_FILTERS:
            raise BadFilter(f"{kind} may have at most {_MAX_FILTERS} items")
        tests += [_field(one["FieldName"], maker([one["Filter"]])) for one in named]
    join = any if item.get("Operator") == "OR" else all
    return lambda document: join(test(document) for test in tests)


def _field(name: str, test: Test) -> Predicate:
    path = tuple(name.split("."))

    def matches(document: Document) -> bool:
        values: list[Any] = list(values_at(document, path))
        return test(values)

    return matches
