"""Policies out of a tfvars file of the shape of org-kickstart (github.com/primeharbor/org-kickstart).

Inside `organization` there are three maps, `service_control_policies`, `resource_control_policies` and
`declarative_policies`; each entry has a policy_name, a policy_description, a policy_json_file, and may
have policy_vars for a template, policy_targets (names of OUs; none means the root), policy_type and
do_not_attach.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import hcl2
from lark.exceptions import LarkError

from invariants.catalog import RCP, SCP
from invariants.catalog.yaml_tree import Data
from invariants.imports.drafts import Adopted, Draft, NotImportable, draft

_MAPS: Final[Mapping[str, str]] = {
    "service_control_policies": SCP,
    "resource_control_policies": RCP,
    "declarative_policies": "DECLARATIVE_POLICY_EC2",
}
_VARIABLE: Final = re.compile(r"(?<!\$)\$\{\s*(?P<json>jsonencode\()?\s*(?P<name>\w+)\s*\)?\s*\}")
_ROOT: Final = "root"

# Reads the file that a tfvars names. The caller decides where files may come from.
ReadFile = Callable[[str], str]


def from_tfvars(text: str, read_file: ReadFile, *, taken: Sequence[str] = ()) -> tuple[Draft, ...]:
    """Drafts of all policies that a tfvars names.

    `read_file` gets the path as written and returns the file's text, or raises OSError.

    :raises NotImportable: where the text is no HCL, or a policy's file cannot be read.
    """
    used = list(taken)
    found: list[Draft] = []
    for adopted in _adopted(_organization(text), read_file):
        found.append(draft(adopted, taken=used))
        used.append(found[-1].id)
    return tuple(found)


def _organization(text: str) -> Mapping[str, Any]:
    try:
        data = hcl2.loads(text)
    except LarkError as error:
        line = getattr(error, "line", None)
        where = f" at line {line}" if line and line > 0 else ""
        raise NotImportable(f"The file is no valid HCL{where}") from error
    # The maps stand in one object, or at the top where somebody has taken the module apart.
    inner = _unquoted(data)
    organization = inner.get("organization")
    return organization if isinstance(organization, Mapping) else inner


def _adopted(organization: Mapping[str, Any], read_file: ReadFile) -> Iterator[Adopted]:
    for name, policy_type in _MAPS.items():
        entries = organization.get(name) or {}
        if not isinstance(entries, Mapping):
            raise NotImportable(f"{name} is no map of policies")
        for key, entry in entries.items():
            yield _entry(key, entry, policy_type, read_file)


def _entry(key: str, entry: Any, policy_type: str, read_file: ReadFile) -> Adopted:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("policy_json_file"), str):
        raise NotImportable(f"{key} names no policy_json_file")
    name = str(entry.get("policy_name") or key)
    file = entry["policy_json_file"]
    try:
        text = read_file(file)
    except OSError as error:
        raise NotImportable(f"{name}: {file} cannot be read ({error.strerror})") from error
    return Adopted(
        name=name,
        description=str(entry.get("policy_description") or ""),
        type=str(entry.get("policy_type") or policy_type),
        policy=_policy(name, file, text, entry.get("policy_vars") or {}),
        targets=_targets(entry),
    )


def _policy(name: str, file: str, text: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    filled = _filled(name, text, values) if file.endswith(".tftpl") else text
    try:
        policy = json.loads(filled)
    except json.JSONDecodeError as error:
        raise NotImportable(f"{name}: {file} is no JSON, line {error.lineno}") from error
    if not isinstance(policy, Mapping):
        raise NotImportable(f"{name}: {file} holds no policy")
    return policy


def _filled(name: str, text: str, values: Mapping[str, Any]) -> str:
    """Terraform's templatefile as far as policies use it: ${name}, ${jsonencode(name)} and $${…}.

    https://developer.hashicorp.com/terraform/language/functions/templatefile
    """

    def one(match: re.Match[str]) -> str:
        if match["name"] not in values:
            raise NotImportable(f"{name}: policy_vars has no {match['name']}")
        value = values[match["name"]]
        if match["json"] or not isinstance(value, str):
            return json.dumps(value)
        return value

    if "%{" in text.replace("%%{", ""):
        raise NotImportable(f"{name}: the template has directives (%{{…}}): render it first")
    return _VARIABLE.sub(one, text).replace("$${", "${").replace("%%{", "%{")


def _targets(entry: Mapping[str, Any]) -> Mapping[str, Data]:
    if entry.get("do_not_attach"):
        return {}
    names = [str(name) for name in entry.get("policy_targets") or ["Root"]]
    ous = [name for name in names if name.lower() != _ROOT]
    found: dict[str, Data] = {"root": True} if len(ous) < len(names) else {}
    return found | ({"ous": ous} if ous else {})


def _unquoted(value: Any) -> Any:
    """Strings and names without the quotes that the parser leaves on them."""
    if isinstance(value, Mapping):
        return {_bare(name): _unquoted(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_unquoted(item) for item in value]
    return _bare(value) if isinstance(value, str) else value


def _bare(text: str) -> str:
    is_quoted = len(text) >= 2 and text[0] == text[-1] == '"'
    return json.loads(text) if is_quoted else text
