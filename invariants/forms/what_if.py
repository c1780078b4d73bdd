"""The question "what would change if …" as somebody fills it in, where anything may stand."""

from django import forms

from invariants.actions.what_if import Question
from invariants.models import WhatIf
from invariants.policies.what_if import MAX_CHARACTERS

# What a question finds wrong, and the field in which it was written.
_FIELDS = {"act": "act", "source": "source", "type": "policy_type", "text": "text"}


class WhatIfForm(forms.Form):
    """Reads only: whether it is a question is decided by `invariants.actions.what_if.ask`."""

    act = forms.CharField(initial=WhatIf.Act.ATTACH, max_length=20)
    source = forms.CharField(initial=WhatIf.Source.INVARIANT, max_length=20)
    invariant = forms.CharField(required=False, max_length=80)
    policy = forms.CharField(required=False, max_length=130)
    policy_type = forms.CharField(required=False, max_length=60)
    name = forms.CharField(
        required=False, max_length=128, label="Name", help_text="What to call it in the answer."
    )
    # Longer texts are let through so that the answer can say how long they are.
    text = forms.CharField(required=False, strip=False, max_length=10 * MAX_CHARACTERS)
    target = forms.CharField(
        required=False,
        max_length=400,
        label="Where",
        help_text="An OU of the list, the id of an OU, or an account by its number or name.",
    )

    def question(self) -> Question:
        """What was filled in; of a form that is valid."""
        said = self.cleaned_data
        is_invariant = said["source"] == WhatIf.Source.INVARIANT
        return Question(
            act=said["act"],
            source=said["source"],
            target=said["target"],
            policy=said["invariant"] if is_invariant else said["policy"],
            text=said["text"],
            policy_type=said["policy_type"],
            name=said["name"],
        )

    def refuse(self, item: str, words: str) -> None:
        """Say what is wrong beside the field in which it was written."""
        if item == "policy":
            is_invariant = self.cleaned_data.get("source") == WhatIf.Source.INVARIANT
            self.add_error("invariant" if is_invariant else "policy", words)
        else:
            self.add_error(_FIELDS.get(item, "target"), words)
