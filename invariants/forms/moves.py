"""A step of an invariant's life, with its reason and those for gates that are let pass."""

from collections.abc import Sequence
from typing import Final

from django import forms
from django.http import QueryDict

from invariants.policies.life_cycle import Result
from invariants.queries.register import MoveOption

_PREFIX: Final = "waive_"
_LONGEST: Final = 2000


class MoveForm(forms.Form):
    """`option` is the step; a form that is not the one that was sent comes without data."""

    after = forms.CharField(widget=forms.HiddenInput)
    why = forms.CharField(
        label="Why",
        max_length=_LONGEST,
        error_messages={"required": "Nothing says why: write the reason."},
    )

    def __init__(self, option: MoveOption, data: QueryDict | None = None) -> None:
        super().__init__(
            data, prefix=option.state.lower(), initial={"after": option.state}, label_suffix=""
        )
        self.option = option
        for result in option.to_waive:
            self.fields[_PREFIX + result.gate.lower()] = forms.CharField(
                label=f"Why {result.name.lower()} is no obstacle",
                max_length=_LONGEST,
                help_text=result.found,
                error_messages={"required": f"{result.name} is not passed: write why it may be."},
            )
        self.missing: tuple[str, ...] = ()

    @property
    def waivers(self) -> dict[str, str]:
        """The reasons by gate, of a valid form."""
        return {
            result.gate.value: self.cleaned_data[_PREFIX + result.gate.lower()]
            for result in self.option.to_waive
        }

    @property
    def reasons(self) -> list[forms.BoundField]:
        return [self[_PREFIX + result.gate.lower()] for result in self.option.to_waive]

    @property
    def is_refused(self) -> bool:
        return bool(self.missing or (self.is_bound and self.errors))

    def refuse(self, missing: Sequence[str]) -> None:
        """What the action says is missing, beside the form."""
        self.missing = tuple(missing)

    @property
    def passed(self) -> list[Result]:
        return [result for result in self.option.results if result.passed]


def move_forms(options: Sequence[MoveOption], data: QueryDict | None = None) -> list[MoveForm]:
    """One form a step; the data goes to the one that was sent."""
    return [MoveForm(o, data if data and _is_sent(o, data) else None) for o in options]


def _is_sent(option: MoveOption, data: QueryDict) -> bool:
    return data.get(f"{option.state.lower()}-after") == option.state
