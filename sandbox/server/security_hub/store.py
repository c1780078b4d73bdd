"""The findings of one version: each kept with its JSON text, and indexed by account and by UpdatedAt."""

import bisect
import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from sandbox.model import Document
from sandbox.server.security_hub.comparisons import date_range, epoch
from sandbox.server.security_hub.edits import Edit, FindingKey, key_of
from sandbox.server.security_hub.filters import check_filters, compile_filters, sorted_rows
from sandbox.server.security_hub.ocsf import metadata_uid

_KEPT_RESULTS = 256
# Attributes that an index answers; the rest is tested finding by finding.
_ACCOUNT, _UPDATED = "AwsAccountId", "UpdatedAt"


_ALWAYS = (float("-inf"), float("inf"))


def _is_by_updated(criteria: list[Document]) -> bool:
    """Tell whether the sort is oldest update first, which the index has ready."""
    return [(item.get("Field"), item.get("SortOrder", "asc")) for item in criteria] == [
        (_UPDATED, "asc")
    ]


class Row:
    """One finding and its JSON text, which is written when first asked for."""

    __slots__ = ("_text", "document")

    def __init__(self, document: Document) -> None:
        self.document = document
        self._text: bytes | None = None

    @property
    def text(self) -> bytes:
        if self._text is None:
            self._text = json.dumps(self.document, separators=(",", ":")).encode()
        return self._text


class FindingStore:
    """Rows in the order of the snapshot. Results of queries are row numbers."""

    def __init__(self, findings: Sequence[Document], edits: Mapping[FindingKey, Edit]) -> None:
        self.rows = [Row(finding) for finding in findings]
        self.derived: dict[int, Document] = {}
        """Other forms of rows, by row number; forgotten when the row changes."""
        self._results: OrderedDict[int, Sequence[int]] = OrderedDict()
        self._last_result = 0
        self._lock = threading.Lock()
        for edit in edits.values() if edits else ():
            self.apply(edit)

    @cached_property
    def by_key(self) -> dict[FindingKey, int]:
        return {key_of(row.document): number for number, row in enumerate(self.rows)}

    @cached_property
    def by_metadata_uid(self) -> dict[str, int]:
        """Row numbers by the id that the V2 operations use."""
        return {metadata_uid(row.document): number for number, row in enumerate(self.rows)}

    @cached_property
    def by_account(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, row in enumerate(self.rows):
            found.setdefault(row.document["AwsAccountId"], []).append(number)
        return found

    @cached_property
    def _by_updated(self) -> tuple[list[float], list[int]]:
        pairs = sorted((epoch(row.document["UpdatedAt"]), n) for n, row in enumerate(self.rows))
        return [moment for moment, _ in pairs], [number for _, number in pairs]

    def apply(self, edit: Edit) -> int | None:
        """Lay an edit over its finding and give its row number; None when this version does not have it."""
        number = self.by_key.get(edit.key)
        if number is not None:
            self.rows[number] = Row(edit.applied_to(self.rows[number].document))
            self.derived.pop(number, None)
        return number

    def updated_after(self, moment: datetime) -> Sequence[int]:
        """Give the rows that were updated after a moment, oldest first."""
        moments, numbers = self._by_updated
        return numbers[bisect.bisect_right(moments, moment.timestamp()) :]

    def query(
        self, filters: Document, criteria: list[Document], now: datetime, scope: Mapping[str, str]
    ) -> Sequence[int]:
        """Give the rows that match, sorted.

        `scope` names top-level fields and the value that each must have: what this caller may see at all.

        :raises BadFilter: when filters or sort break a rule of the API
        """
        check_filters(filters)
        rest = {name: values for name, values in filters.items() if name != _UPDATED}
        matches = compile_filters(rest, now)
        by_updated = _is_by_updated(criteria)
        found = self._candidates(filters, now, scope, by_updated=by_updated)
        if rest or scope:
            wanted = scope.items()
            found = [
                number
                for number in found
                if all(self.rows[number].document.get(name) == value for name, value in wanted)
                and matches(self.rows[number].document)
            ]
        if criteria and not by_updated:
            found = sorted_rows([(n, self.rows[n].document) for n in found], criteria)
        return found

    def _candidates(
        self, filters: Document, now: datetime, scope: Mapping[str, str], *, by_updated: bool
    ) -> Sequence[int]:
        """Give rows by the indexes; exact for UpdatedAt, possibly too many for the account.

        In the order of UpdatedAt where that is asked for (a full sweep sorts so), else in row order.
        """
        dates = filters.get(_UPDATED)
        accounts = self._account_rows(filters, scope)
        if not dates and not by_updated:
            return range(len(self.rows)) if accounts is None else accounts
        ranges = [date_range(item, now) for item in dates] if dates else [_ALWAYS]
        found = self._updated_within(ranges)
        if accounts is not None:
            wanted = set(accounts)
            found = [number for number in found if number in wanted]
        return found if by_updated else sorted(found)

    def _updated_within(self, ranges: list[tuple[float, float]]) -> Sequence[int]:
        """Give rows by UpdatedAt, oldest first."""
        moments, numbers = self._by_updated
        parts = [
            range(bisect.bisect_left(moments, start), bisect.bisect_right(moments, end))
            for start, end in ranges
        ]
        places = parts[0] if len(parts) == 1 else sorted({n for part in parts for n in part})
        return [numbers[place] for place in places]

    def _account_rows(self, filters: Document, scope: Mapping[str, str]) -> list[int] | None:
        asked = filters.get(_ACCOUNT, [])
        if _ACCOUNT in scope:
            return self.by_account.get(scope[_ACCOUNT], [])
        if not asked or any(item.get("Comparison", "EQUALS") != "EQUALS" for item in asked):
            return None
        accounts = {str(item.get("Value")) for item in asked}
        return sorted(n for account in accounts for n in self.by_account.get(account, []))

    def keep(self, result: Sequence[int]) -> int:
        """Keep a result for the following pages and give its number."""
        with self._lock:
            self._last_result += 1
            self._results[self._last_result] = result
            if len(self._results) > _KEPT_RESULTS:
                self._results.popitem(last=False)
            return self._last_result

    def kept(self, number: int) -> Sequence[int] | None:
        """Give a kept result, or None when it is gone."""
        return self._results.get(number)

    def page_text(self, numbers: Iterable[int]) -> bytes:
        """Join the JSON texts of rows."""
        return b",".join([self.rows[number].text for number in numbers])
