"""An edit as it is shown, kept and downloaded."""

from dataclasses import dataclass
from typing import Any

from invariants.carving.asking import Way
from invariants.carving.proving import Proof
from invariants.carving.telling import Change, terraform_of


@dataclass(frozen=True, slots=True)
class Edit:
    """`steps`, `warnings` and `about_tags` are sentences; the last name nothing but the exception's own
    tags, so that everybody may read them. `moved_from` is the id of the OU that an account leaves;
    `extra_terraform` is what no policy says."""

    ref: str
    invariant_id: str
    way: Way
    is_removal: bool
    changes: tuple[Change, ...]
    steps: tuple[str, ...]
    warnings: tuple[str, ...]
    proof: Proof
    moved_from: str = ""
    extra_terraform: str = ""
    about_tags: tuple[str, ...] = ()

    @property
    def diff(self) -> str:
        return "".join(change.diff for change in self.changes)

    @property
    def terraform(self) -> str:
        head = f"# {self.ref}: {'without' if self.is_removal else 'with'} the exception from {self.invariant_id}.\n"
        texts = [
            terraform_of(one) for one in self.changes if one.minified and one.type != "ACCOUNT"
        ]
        return "\n".join([head, *texts, *filter(None, [self.extra_terraform])])

    def as_json(self) -> dict[str, Any]:
        """{"ref", "invariant", "mechanism", "is_removal", "edits": [...], "steps", "warnings",
        "about_tags", "proof", "marks", "moved_from", "diff", "terraform"}; what an edit has says
        `telling.Change.as_json`."""
        edits = [change.as_json() for change in self.changes]
        return {
            "ref": self.ref,
            "invariant": self.invariant_id,
            "mechanism": str(self.way),
            "is_removal": self.is_removal,
            "edits": edits,
            "marks": [mark for edit in edits for mark in edit["marks"]],
            "steps": list(self.steps),
            "warnings": list(self.warnings),
            "about_tags": list(self.about_tags),
            "proof": self.proof.as_json(),
            "moved_from": self.moved_from,
            "diff": self.diff,
            "terraform": self.terraform,
        }
