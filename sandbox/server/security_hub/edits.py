"""What BatchUpdateFindings changes in a finding, kept apart so that it outlives a move of the clock."""

from dataclasses import dataclass
from typing import Any

from sandbox.model import Document

FindingKey = tuple[str, str]
"""(Id, ProductArn)."""

_NOT_RESET = "SUPPRESSED"


def key_of(finding: Document) -> FindingKey:
    """Give the key of a finding or of a finding identifier."""
    return finding["Id"], finding["ProductArn"]


@dataclass(frozen=True, slots=True)
class Edit:
    """The fields that callers set in one finding, and what the finding was like then."""

    key: FindingKey
    fields: Document
    """Top-level ASFF fields, whole."""
    compliance: str
    """Compliance.Status at that moment; empty when the finding has none."""
    record_state: str

    def after(self, earlier: "Edit | None") -> "Edit":
        """Lay this edit over an earlier one of the same finding."""
        if earlier is None:
            return self
        return Edit(self.key, {**earlier.fields, **self.fields}, self.compliance, self.record_state)

    def applied_to(self, finding: Document) -> Document:
        """Give a copy of the finding with the edit, and with the workflow changes that Security Hub makes itself.

        AWS, "Setting the workflow status": a control finding that passes becomes RESOLVED; RESOLVED and NOTIFIED go back
        to NEW when a check fails again or an archived finding becomes active; SUPPRESSED is never reset.
        """
        changed: dict[str, Any] = {**finding, **self.fields}
        status = self.fields.get("Workflow", {}).get("Status")
        if status is None or status == _NOT_RESET:
            return changed
        compliance = finding.get("Compliance", {}).get("Status", "")
        reopened = self.record_state == "ARCHIVED" and finding.get("RecordState") == "ACTIVE"
        failed_again = self.compliance == "PASSED" and compliance not in ("PASSED", "")
        if reopened or failed_again:
            changed["Workflow"] = {"Status": "NEW"}
        elif compliance == "PASSED" and self.compliance != "PASSED":
            changed["Workflow"] = {"Status": "RESOLVED"}
        return changed
