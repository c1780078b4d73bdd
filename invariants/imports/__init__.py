"""Policies that exist already, as drafts of invariants: from Terraform variables, or from AWS.

Pure: the caller reads files and AWS, and hands over text.
"""

from invariants.imports.attached import Attachment, from_attached
from invariants.imports.drafts import TO_WRITE, Adopted, Draft, NotImportable, draft
from invariants.imports.kickstart import ReadFile, from_tfvars
from invariants.imports.proposals import Proposal, propose

__all__ = [
    "TO_WRITE",
    "Adopted",
    "Attachment",
    "Draft",
    "NotImportable",
    "Proposal",
    "ReadFile",
    "draft",
    "from_attached",
    "from_tfvars",
    "propose",
]
