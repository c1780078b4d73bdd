"""Policies and their attachments as Terraform (HCL)."""

import json
from collections.abc import Sequence
from typing import Final

from invariants.exports.documents import Document

_HEAD: Final = """\
# Invariants as policies of AWS Organizations. `target_ids` maps the names of OUs, as the catalogue has
# them, to ids of this organisation: Root = "r-abcd", Workloads = "ou-abcd-11112222".
variable "target_ids" {
  type = map(string)
}
"""


def terraform(documents: Sequence[Document]) -> str:
    """One file: each policy as aws_organizations_policy with its attachments.

    The text stands as JSON in a string, so that what AWS gets has no white space that would count.
    """
    return "\n".join([_HEAD, *(resource(d) for d in documents)])


def resource(document: Document) -> str:
    """One policy as aws_organizations_policy with its attachments."""
    lines = [
        f'resource "aws_organizations_policy" "{document.identifier}" {{',
        f"  name        = {quoted(document.name)}",
        f"  description = {quoted(document.description)}",
        f"  type        = {quoted(document.type)}",
        f"  content     = {quoted(document.content)}",
        "}",
        "",
    ]
    for number, target in enumerate(document.targets):
        lines += [
            f'resource "aws_organizations_policy_attachment" "{document.identifier}_{number}" {{',
            f"  policy_id = aws_organizations_policy.{document.identifier}.id",
            f"  target_id = var.target_ids[{quoted(target)}]",
            "}",
            "",
        ]
    return "\n".join(lines)


def quoted(text: str) -> str:
    """A quoted string of HCL: JSON's escapes, and the starts of templates doubled.

    https://developer.hashicorp.com/terraform/language/expressions/strings
    """
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace("${", "$${").replace("%{", "%%{")
