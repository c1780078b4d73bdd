"""The form of a request: keeps whatever can be kept, and says of each field what is still to be done.

What is typed is saved as it goes, so every field may be empty until it is sent. The rules are those of
invariants.policies.exceptions; here each is said beside its field, with what to write instead.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from django import forms
from django.http import QueryDict

from invariants.actions.exceptions import Line
from invariants.forms.exceptions import lines
from invariants.forms.exceptions.lines import LISTS
from invariants.forms.exceptions.words import EMPTY
from invariants.models import ExceptionRequest
from invariants.models.exceptions import ExceptionReason, Mechanism
from invariants.queries.exceptions import reach
from invariants.queries.exceptions.asking import Shape
from invariants.queries.exceptions.mechanisms import MechanismHint
from invariants.queries.exceptions.prefill import Known, Term
from inventory.access import AnyUser
from inventory.models import Account, Organization, OrganizationalUnit

OTHER: Final = "other"
_MOST_YEARS: Final = 10
# These let whole accounts off, and nothing narrower.
_OF_PLACES: Final = (Mechanism.EXCEPTIONS_OU, Mechanism.CHILD_OVERRIDE)
_WITHIN: Final = (
    *("principals", "principal_tags", "actions", "regions", "resources", "patterns", "tags"),
)
_PLACES: Final = ("accounts", "ous")
# What the draft itself refuses: it stays in the form until it is right.
_CHECKED: Final = (*_PLACES, "principal_tags")
_TEXTS: Final = (
    "title",
    "reason",
    "justification",
    "system",
    "business_owner",
    "data_classification",
    "compensating",
    "remediation_plan",
    "mechanism",
    "ticket",
)


def _text(label: str, longest: int, **options: Any) -> forms.CharField:
    return forms.CharField(label=label, max_length=longest, required=False, **options)


class AskForm(forms.Form):
    """`known` is what stands in it at first; `terms` the lengths that are offered."""

    justification = _text(
        "What must work?",
        4000,
        help_text="For example: the partner export job writes the bucket policy at each deployment.",
    )
    reason = forms.ChoiceField(
        label="Why not otherwise?",
        choices=[("", "Choose a reason"), *ExceptionReason.choices],
        required=False,
    )
    remediation_plan = _text(
        "When is it no longer needed?",
        4000,
        help_text="For example: once the export runs on access grants, in January.",
    )
    lasts = forms.CharField(required=False, max_length=10)
    asked_until = forms.DateField(label="Last day", required=False)
    starts_on = forms.DateField(label="First day", required=False)
    ticket = _text("Ticket", 300)
    title = _text("Title", 200)
    system = _text("System or service", 200)
    business_owner = _text(
        "Who answers for the risk", 150, help_text="The owner in your department: not you."
    )
    data_classification = _text("Data that it is about", 60)
    compensating = _text(
        "What lowers the risk meanwhile",
        4000,
        help_text="Add what you do yourselves: an alarm, a review, a narrower role.",
    )
    mechanism = forms.ChoiceField(
        label="How AWS is told", choices=Mechanism.choices, required=False
    )
    is_emergency = forms.BooleanField(label="It is an emergency", required=False)
    accounts = forms.CharField(label="Accounts", required=False)
    ous = forms.CharField(label="OUs", required=False)
    principals = forms.CharField(label="Who needs it?", required=False)
    actions = forms.CharField(label="Actions", required=False)
    regions = forms.CharField(label="Regions", required=False)
    resources = forms.CharField(label="Resources", required=False)
    patterns = forms.CharField(label="Resources by pattern", required=False)
    tags = forms.CharField(label="Tags of resources", required=False)
    principal_tags = forms.CharField(label="Principals that carry the tag", required=False)
    controls = forms.CharField(label="Controls whose findings count as excepted", required=False)

    def __init__(
        self,
        known: Known,
        data: QueryDict | None = None,
        *,
        terms: Iterable[Term],
        ways: Iterable[MechanismHint],
        target_kind: str,
        today: date,
    ) -> None:
        initial = {**known.fields, **lines.by_name(known.lines)}
        super().__init__(lines.joined(data), initial=initial, label_suffix="")
        self.known = known
        self.terms = tuple(terms)
        self.ways = tuple(ways)
        self.target_kind = target_kind
        self.today = today
        self.foreign: set[tuple[str, str]] = set()

    @property
    def way(self) -> MechanismHint | None:
        """How AWS is to be told of it, as it is chosen; None where that does not fit (any more)."""
        chosen = self["mechanism"].value()
        return next((one for one in self.ways if one.mechanism == chosen), None)

    @property
    def further(self) -> tuple[str, ...]:
        """Fields that stand under “More”."""
        first = {"justification", "reason", "remediation_plan", "lasts", "asked_until", "ticket"}
        first |= {"business_owner"}
        return tuple(name for name in self.fields if name not in first)

    @property
    def chosen(self) -> str:
        """The length that is on: the number of its days, or "other"."""
        if self.is_bound:
            return str(self["lasts"].value() or OTHER)
        until = self.known.fields.get("asked_until")
        return next((str(one.days) for one in self.terms if one.until == until), OTHER)

    @property
    def until(self) -> date | None:
        """The last day that is asked for, as far as it can be read."""
        by_days = {str(one.days): one.until for one in self.terms}
        if self.chosen in by_days:
            return by_days[self.chosen]
        value = self.cleaned_data.get("asked_until") if self.is_bound else None
        found = value or self.known.fields.get("asked_until")
        return found if isinstance(found, date) else None

    def clean_starts_on(self) -> date | None:
        return self._near(self.cleaned_data["starts_on"])

    def clean_asked_until(self) -> date | None:
        return self._near(self.cleaned_data["asked_until"])

    def _near(self, day: date | None) -> date | None:
        """:raises ValidationError: of a day so far away that it is a slip of the pen."""
        if day is not None and abs(day.year - self.today.year) > _MOST_YEARS:
            raise forms.ValidationError(
                f"{day:%-d %B} {day.year} is too far away: look at the year."
            )
        return day

    def changes(self) -> dict[str, Any]:
        """What can be kept of what was typed; of a form that has been validated."""
        said = self.cleaned_data
        kept: dict[str, Any] = {name: said[name] for name in _TEXTS if name in said}
        if not kept.get("mechanism"):
            kept.pop("mechanism", None)
        kept["is_emergency"] = bool(said.get("is_emergency"))
        starts_on, until = said.get("starts_on"), self.until
        if starts_on is not None and (until is None or until >= starts_on):
            kept["starts_on"] = starts_on
        # The database refuses an end before the beginning: kept is what was right before.
        begins_on = kept.get("starts_on") or self.known.starts_on
        if until is not None and (begins_on is None or until >= begins_on):
            kept["asked_until"] = until
        return kept

    def shape(self) -> Shape:
        """What is to be covered, as far as it stands in the form."""
        if not self.is_bound:
            fields = self.known.fields
            starts_on = fields.get("starts_on")
            return Shape(
                lines=self.known.lines,
                mechanism=str(fields.get("mechanism") or Mechanism.NONE),
                is_emergency=bool(fields.get("is_emergency")),
                starts_on=starts_on if isinstance(starts_on, date) else None,
                until=self.until,
            )
        if not hasattr(self, "cleaned_data"):
            self.full_clean()
        said = self.cleaned_data
        return Shape(
            lines=tuple((one.kind, one.value) for one in self.lines()),
            mechanism=said.get("mechanism") or str(self.known.fields.get("mechanism")),
            is_emergency=bool(said.get("is_emergency")),
            starts_on=said.get("starts_on"),
            until=self.until,
        )

    def lines(self) -> list[Line]:
        """The scope as it was typed, but for places that are none, or are somebody else's, and tags that
        no principal can carry: what is wrong with the others, the reviewers would be told, if it could
        be sent."""
        return [
            Line(kind, value)
            for name, kind in LISTS.items()
            for value in self.values(name)
            if (name, value) not in self.foreign and len(value) <= lines.LONGEST_LINE
        ]

    def values(self, name: str) -> list[str]:
        # As it was typed: Django forgets the cleaned text of a field with an error.
        text = str(self[name].value() or "")
        return lines.split(name, text)

    def check_lines(self, user: AnyUser, organization: Organization) -> None:
        """Say beside each list what in it cannot be taken, and what to write instead. Three queries."""
        for name, kind in LISTS.items():
            for value in self.values(name):
                if words := lines.wrong(kind, value):
                    self.add_error(name, words)
                    if name in _CHECKED:
                        self.foreign.add((name, value))
        for control_id in reach.unknown_controls(organization, self.values("controls")):
            self.add_error("controls", f"There is no control {control_id}: its id is such as S3.8.")
        self._check_places(user, organization)

    def _check_places(self, user: AnyUser, organization: Organization) -> None:
        accounts = self.values("accounts")
        rows = Account.objects.visible_to(user).live().filter(organization=organization)
        seen = set(rows.filter(account_id__in=accounts).values_list("account_id", flat=True))
        ous = self.values("ous")
        places = OrganizationalUnit.objects.visible_to(user).live()
        whole = places.filter(organization=organization, ou_id__in=ous)
        seen |= set(whole.values_list("ou_id", flat=True))
        for name, value in [("accounts", one) for one in accounts] + [("ous", one) for one in ous]:
            if value in seen or (name, value) in self.foreign:
                continue
            self.foreign.add((name, value))
            words = (
                f"You see no account {value}: take it out, or ask its team to make the request."
                if name == "accounts"
                else f"You do not see all of the OU {value}: name the accounts instead."
            )
            self.add_error(name, words)

    def check_ready(self, *, is_renewed_too_often: str = "") -> None:
        """Say beside each field what is still to be done before it can be sent."""
        said = self.cleaned_data
        for name, words in EMPTY.items():
            if not str(said.get(name) or "").strip() and name not in self.errors:
                self.add_error(name, words)
        self._check_days()
        self._check_scope()
        if is_renewed_too_often:
            self.add_error(None, is_renewed_too_often)

    def _check_days(self) -> None:
        starts_on, until = self.cleaned_data.get("starts_on"), self.until
        if starts_on is None and "starts_on" not in self.errors:
            self.add_error("starts_on", "Choose the first day on which it is needed.")
        if until is None and "asked_until" not in self.errors:
            self.add_error("asked_until", "Choose the last day on which it is needed.")
        elif until is not None and until < max(self.today, starts_on or self.today):
            self.add_error(
                "asked_until",
                f"{until:%-d %B %Y} is over before it begins: choose a later day.",
            )

    def _check_scope(self) -> None:
        is_finding = self.target_kind == ExceptionRequest.Target.FINDING
        if not is_finding and not (self.values("accounts") or self.values("ous")):
            self.add_error("accounts", "Choose the accounts that need it.")
        mechanism = self["mechanism"].value()
        if mechanism == Mechanism.PRINCIPAL_LIST and not self.values("principals"):
            self.add_error("principals", "Name the role or user, as its whole ARN.")
        by_tag = self.values("principal_tags")
        if mechanism == Mechanism.TAG and not (by_tag or self.values("tags")):
            words = (
                "Name the tag that lets it through, as key=value: of resources or of principals."
            )
            self.add_error("tags", words)
        if mechanism == Mechanism.VALUE_LIST and by_tag:
            words = "A list of values holds no principals: tell AWS by a tag, or empty this list."
            self.add_error("principal_tags", words)
        if self.way is None and len(self.ways) > 1:
            self.add_error("mechanism", "The policy cannot be told so: choose another way.")
        elif self.way and mechanism in _OF_PLACES and any(self.values(name) for name in _WITHIN):
            words = f"This takes {self.way.needs}: empty the other lists, or choose another way."
            self.add_error("mechanism", words)
