"""What a group of the identity provider is to give."""

from django import forms
from django.http import QueryDict

from posture.policies import groups as policies
from posture.policies import roles

_ROLE, _TEAM = "role:", "team:"


class GroupForm(forms.Form):
    """A group, and one thing that it gives; what is wrong with them, the action says."""

    group = forms.CharField(
        label="Group",
        help_text="As the identity provider writes it, in its case; some send an id instead of a name.",
        max_length=policies.LONGEST,
        widget=forms.TextInput(
            attrs={"class": "input", "autocomplete": "off", "list": "seen-groups"}
        ),
        error_messages={
            "required": "The group is empty: write its name as the identity provider does."
        },
    )
    gives = forms.ChoiceField(
        label="Gives",
        error_messages={
            "required": "Choose what the group gives: a role or a team.",
            "invalid_choice": "%(value)s is no role and no team: choose one of the list.",
        },
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        teams: tuple[tuple[str, str], ...],
        group: str = "",
    ) -> None:
        super().__init__(data, initial={"group": group})
        self.teams = [(f"{_TEAM}{slug}", name) for slug, name in teams]
        self.roles = [(f"{_ROLE}{name}", name) for name in roles.ROLE_NAMES]
        # The field of this form is of this class, which the stubs of a form do not know.
        self.fields["gives"].choices = [*self.roles, *self.teams]  # type: ignore[attr-defined]

    @property
    def role(self) -> str:
        """The name of the chosen role, "" for a team."""
        return self._chosen(_ROLE)

    @property
    def team(self) -> str:
        """The slug of the chosen team, "" for a role."""
        return self._chosen(_TEAM)

    def _chosen(self, kind: str) -> str:
        value: str = self.cleaned_data["gives"]
        return value.removeprefix(kind) if value.startswith(kind) else ""
