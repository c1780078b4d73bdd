"""What was asked of an account and what came of it: one refusal never loses the other answers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inventory import aws
from inventory.facts import Fact, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Value = bool | int | str | dict[str, bool] | None
# How AWS says that a Region is off for the account: nobody's permission is the matter.
_REGION_OFF = re.compile(
    r"AuthFailure|OptInRequired|RegionDisabled|InvalidClientTokenId|UnrecognizedClient"
)


@dataclass(slots=True)
class Answers:
    """The readings of one account. `problems` are what somebody could mend; a Region that is off is none.

    `blocked` is why nothing can be asked of the account at all: its role cannot be taken on.
    """

    account_id: str
    readings: list[Reading] = field(default_factory=list)
    problems: list[aws.SourceError] = field(default_factory=list)
    blocked: aws.SourceError | None = None

    def ask(
        self, facts: Iterable[Fact], read: Callable[[], Mapping[Fact, Value]], *, region: str = ""
    ) -> None:
        """Note what `read` gives for these facts; None and a fact that is not given are UNAVAILABLE."""
        if self.blocked:
            self.refuse(facts, self.blocked, region=region)
            return
        try:
            values = read()
        except aws.SourceError as error:
            if error.operation == "AssumeRole":
                self.blocked = error
            self.refuse(facts, error, region=region)
            return
        for fact in facts:
            self.note(fact, values.get(fact), region=region)

    def note(self, fact: Fact, value: Value, *, region: str = "") -> None:
        """Note what is known, or that AWS does not tell (None)."""
        state = "UNAVAILABLE" if value is None else "KNOWN"
        self.readings.append(Reading(self.account_id, fact, value, region, state))

    def refuse(self, facts: Iterable[Fact], error: aws.SourceError, *, region: str = "") -> None:
        """Note that these facts could not be read, and why."""
        is_denied = isinstance(error, aws.Denied) and not _REGION_OFF.search(error.code)
        state = "DENIED" if is_denied else "UNAVAILABLE"
        permission = error.permission if is_denied else ""
        for fact in facts:
            self.readings.append(
                Reading(
                    self.account_id, fact, region=region, state=state, missing_permission=permission
                )
            )
        is_mendable = not isinstance(error, aws.NotConfigured) and not _REGION_OFF.search(
            error.code
        )
        if is_mendable and not any(error is known for known in self.problems):
            self.problems.append(error)
