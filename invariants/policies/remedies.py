"""What to do about drift, as text for a person: the edit of the catalogue, and the commands for AWS.

Parapet changes neither: it has no right to write to AWS, and the catalogue is reviewed like code.
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_NOT_ID: Final = re.compile(r"[^a-z0-9]+")
_WRITE: Final = "TO WRITE: why this is right"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a drift is about, as far as its remedies need it. `content` is JSON of the invariant's record.

    `file` is where the catalogue has it, and `is_shipped` whether that comes with the program.
    """

    kind: str
    policy_type: str
    policy_id: str
    policy_name: str
    root_id: str
    target_id: str
    target_name: str
    after: str
    restore: Mapping[str, Any]
    key: str = ""
    statement: str = ""
    version: int = 0
    targets: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""
    is_shipped: bool = True


@dataclass(frozen=True, slots=True)
class Remedy:
    """`words` say what it does; `text` is to be copied, "" where there is nothing to copy."""

    words: str
    text: str = ""
    file: str = ""


def accepting(one: Subject) -> Remedy | None:
    """The edit of the catalogue under which the drift is none; None where the catalogue says nothing of it."""
    if one.kind == "UNMANAGED":
        return Remedy("Adopt the policy as an invariant of your own: a draft is made of its text.")
    if not one.key:
        return None
    if one.kind in ("MISSING_IN_AWS", "TYPE_DISABLED"):
        changes = {"retired": _WRITE}
        return _edit(one, changes, "It is withdrawn: nothing is demanded any more.")
    if one.kind == "CONTENT":
        words = (
            "The catalogue demands what stands in AWS. Put the {{parameters}} back where their values "
            "stand, and change the probes where they no longer hold."
        )
        return _edit(one, {"version": one.version + 1, "policy": _parsed(one.after)}, words)
    if one.kind == "ATTACHMENT":
        words = "The catalogue names the places where the policy hangs."
        return _edit(one, {"targets": _targets(one)}, words)
    via = one.target_name
    return _edit(
        one,
        {
            "exceptions": [
                {"who": "TO WRITE: who is exempt", "carve_out": "CHILD_POLICY", "via": via}
            ]
        },
        "The other value is a usual exception. It stays in this list, accepted, while it lasts: its "
        "invariant still does not hold there.",
    )


def commands(one: Subject) -> Remedy | None:
    """What restores it by the AWS CLI, with the management account's rights; None where nothing does."""
    lines: list[str] = []
    content = one.restore.get("content")
    file = f"{one.key or 'policy'}.json"
    if content:
        lines += [f"cat > {file} <<'END_OF_POLICY'", _pretty(str(content)), "END_OF_POLICY"]
    if one.kind == "CONTENT" and content:
        lines.append(_aws("update-policy", policy_id=one.policy_id, content=f"file://{file}"))
    elif one.kind == "MISSING_IN_AWS" and content:
        name = {"name": one.key, "type": one.policy_type, "description": one.statement[:512]}
        lines.append(_aws("create-policy", **name, content=f"file://{file}"))
        lines += [
            _aws("attach-policy", policy_id="$POLICY_ID", target_id="$TARGET_ID")
            + f"  # {' '.join(place.split())}"
            for place in _named(one.targets)
        ]
    for verb in ("detach", "attach"):
        lines += [
            _aws(f"{verb}-policy", policy_id=one.policy_id, target_id=target_id)
            for target_id in one.restore.get(verb) or ()
        ]
    if one.kind == "UNMANAGED":
        lines.append(_aws("delete-policy", policy_id=one.policy_id))
    if one.restore.get("enable"):
        names = {"root_id": one.root_id, "policy_type": str(one.restore["enable"])}
        lines.append(_aws("enable-policy-type", **names))
    if not lines:
        return None
    return Remedy("Run it with the rights of the management account.", "\n".join(lines), file)


def terraform(one: Subject) -> Remedy | None:
    """The same for who keeps policies in Terraform: what its configuration has to say."""
    name = _NOT_ID.sub("_", (one.key or one.policy_name).lower()).strip("_") or "policy"
    content = one.restore.get("content")
    if one.kind in ("CONTENT", "MISSING_IN_AWS") and content:
        pairs = {"name": one.policy_name or one.key, "type": one.policy_type, "content": content}
        return Remedy(
            "`terraform apply` brings this back; the names of resources are yours.",
            _resource("aws_organizations_policy", name, pairs),
        )
    if one.restore.get("attach"):
        texts = [
            _resource(
                "aws_organizations_policy_attachment",
                f"{name}_{number}",
                {"policy_id": one.policy_id, "target_id": target_id},
            )
            for number, target_id in enumerate(one.restore["attach"])
        ]
        return Remedy("The attachment has to be in the configuration.", "\n".join(texts))
    if one.restore.get("enable"):
        wanted = _string(str(one.restore["enable"]))
        text = f"enabled_policy_types = [{wanted}]  # beside the others"
        return Remedy("In the resource aws_organizations_organization:", text)
    if one.restore.get("detach"):
        text = "\n".join(
            f"# remove: policy_id = {_string(one.policy_id)}, target_id = {_string(target_id)}"
            for target_id in one.restore["detach"]
        )
        return Remedy(
            "Remove the aws_organizations_policy_attachment, if the configuration has it.", text
        )
    return None


def _edit(one: Subject, changes: Mapping[str, Any], words: str) -> Remedy:
    """An override of a shipped file, or the fields to replace in a file of one's own."""
    head = {"overrides": one.key, "because": _WRITE} if one.is_shipped else {}
    where = f"{one.key}.yaml in your own folder" if one.is_shipped else one.file
    return Remedy(words, _yaml(head | dict(changes)), where)


def _yaml(document: Mapping[str, Any]) -> str:
    """One field a line, what is nested as JSON: YAML reads it, and nobody has to quote anything."""
    lines = []
    for name, value in document.items():
        if isinstance(value, dict | list):
            text = json.dumps(value, indent=2, ensure_ascii=False)
            lines.append(f"{name}:\n" + "\n".join(f"  {line}" for line in text.splitlines()))
        else:
            lines.append(f"{name}: {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _targets(one: Subject) -> dict[str, Any]:
    """The targets with the place where the policy hangs besides; where it lacks at one, all that it has.

    Roles of OUs cannot leave one out, so that the places are named then.
    """
    if "hangs" in one.restore:
        return dict(one.restore["hangs"])
    found = {name: value for name, value in one.targets.items() if value}
    if one.target_id == one.root_id:
        return found | {"root": True}
    name, place = ("accounts", one.target_id)
    if not one.target_id.isdigit():
        name, place = "ous", one.target_name.replace(" / ", "/")
    return found | {name: [*found.get(name, ()), place]}


def _named(targets: Mapping[str, Any]) -> list[str]:
    root = ["the root"] if targets.get("root") else []
    roles = [f"every OU for {str(one).lower()}" for one in targets.get("ou_roles") or ()]
    return [*root, *roles, *(targets.get("ous") or ()), *(targets.get("accounts") or ())]


def _aws(operation: str, **options: str) -> str:
    words = ["aws", "organizations", operation]
    for name, value in options.items():
        is_open = value.startswith("$")
        words += [f"--{name.replace('_', '-')}", value if is_open else shlex.quote(value)]
    return " ".join(words)


def _resource(kind: str, name: str, pairs: Mapping[str, Any]) -> str:
    width = max(len(key) for key in pairs)
    lines = [f"  {key.ljust(width)} = {_string(str(value))}" for key, value in pairs.items()]
    return "\n".join([f'resource "{kind}" "{name}" {{', *lines, "}"])


def _string(text: str) -> str:
    """A quoted string of HCL: JSON's escapes, and the starts of templates doubled.

    https://developer.hashicorp.com/terraform/language/expressions/strings
    """
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace("${", "$${").replace("%{", "%%{")


def _parsed(text: str) -> Any:
    return json.loads(text) if text else {}


def _pretty(content: str) -> str:
    return json.dumps(json.loads(content), indent=2, ensure_ascii=False)
