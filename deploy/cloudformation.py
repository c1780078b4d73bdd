"""`python -m deploy.cloudformation [--check]`: put docs/iam-policy.json into deploy/aws/*.yaml.

Each template holds its policy between two marks, as JSON (which is YAML). Names that an installation
chooses itself become parameters of the template.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
POLICY = ROOT / "docs" / "iam-policy.json"
# Template by key of docs/iam-policy.json.
TEMPLATES = {
    "hub": "hub-role.yaml",
    "member": "member-role.yaml",
    "management": "management-role.yaml",
    "events": "event-queue.yaml",
    "write_back": "write-back.yaml",
}
BEGIN = "# Begin of the policy: written by `python -m deploy.cloudformation`.\n"
END = "# End of the policy.\n"
INDENT = 14
# What docs/iam-policy.json has as an example, and what stands for it in a template.
PARAMETERS: dict[str, dict[str, Any]] = {
    "o-exampleorgid": {"Ref": "OrganizationId"},
    "arn:aws:iam::*:role/ParapetMemberRead": {
        "Fn::Sub": "arn:${AWS::Partition}:iam::*:role/${MemberRoleName}"
    },
    "arn:aws:iam::*:role/ParapetManagementRead": {
        "Fn::Sub": "arn:${AWS::Partition}:iam::*:role/${ManagementRoleName}"
    },
    "arn:aws:sqs:*:*:parapet-findings": {"Fn::GetAtt": ["Queue", "Arn"]},
}


def parametrise(node: Any) -> Any:  # any JSON value
    """The policy with each example value replaced by its parameter."""
    if isinstance(node, dict):
        return {key: parametrise(value) for key, value in node.items()}
    if isinstance(node, list):
        return [parametrise(value) for value in node]
    return PARAMETERS.get(node, node) if isinstance(node, str) else node


def render(template: str, policy: Any) -> str:
    """The template with the policy between its marks."""
    before, _, rest = template.partition(BEGIN)
    after = rest.partition(END)[2]
    pad = " " * INDENT
    lines = json.dumps(parametrise(policy), indent=2).splitlines()
    return before + BEGIN + "".join(f"{pad}{line}\n" for line in lines) + pad + END + after


def main() -> int:
    policies = json.loads(POLICY.read_text(encoding="utf-8"))
    stale = []
    for key, name in TEMPLATES.items():
        path = ROOT / "deploy" / "aws" / name
        before = path.read_text(encoding="utf-8")
        after = render(before, policies[key])
        if after == before:
            continue
        stale.append(name)
        if "--check" not in sys.argv[1:]:
            path.write_text(after, encoding="utf-8")
    if stale and "--check" in sys.argv[1:]:
        sys.stderr.write(
            f"deploy/aws: {', '.join(stale)} out of step with docs/iam-policy.json: "
            "run `python -m deploy.cloudformation`.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
