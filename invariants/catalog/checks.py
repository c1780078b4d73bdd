"""Rules of an invariant that reach over several fields."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from invariants import engine, lint
from invariants.catalog.probing import grammar_of
from invariants.catalog.records import Invariant, Probe
from invariants.catalog.requests import localised
from invariants.catalog.vocabulary import AUTHORISATION_TYPES
from invariants.catalog.yaml_tree import Loc

FINDING_TYPES: Final = frozenset(
    {
        "ExternalAccess",
        "InternalAccess",
        "UnusedIAMRole",
        "UnusedIAMUserAccessKey",
        "UnusedIAMUserPassword",
        "UnusedPermission",
    }
)
# Words of addresses (/invariants/drift/), which an id would hide behind.
RESERVED: Final = frozenset(
    {"adopt", "candidates", "denials", "drift", "export", "matrix", "pack", "what-if"}
)
_ARN: Final = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:(\d{12}|aws|)?:.+\Z")
_PRINCIPAL: Final = re.compile(
    r"(arn:[a-z-]+:(iam|sts)::(\d{12}|\*):(root|(role|user|federated-user)/[^*?]+)"
    r"|[a-z0-9.-]+\.amazonaws\.com|\*)\Z"
)


@dataclass(frozen=True, slots=True)
class Complaint:
    loc: Loc
    message: str
    remedy: str


def check(invariant: Invariant) -> Iterator[Complaint]:
    """Everything that is wrong with a record whose fields are each right."""
    yield from _id(invariant)
    yield from _targets(invariant)
    yield from _finding_types(invariant)
    yield from _waivers(invariant)
    yield from _tests(invariant)
    yield from _probes(invariant)
    yield from _policy(invariant)


def _id(invariant: Invariant) -> Iterator[Complaint]:
    if invariant.id in RESERVED:
        yield Complaint(("id",), f'"{invariant.id}" is the address of a page', "Choose another id.")


def _targets(invariant: Invariant) -> Iterator[Complaint]:
    if invariant.targets.is_empty and not invariant.draft:
        remedy = "Name the root, OU roles, OUs or accounts."
        yield Complaint(("targets",), "The policy has no target", remedy)


def _finding_types(invariant: Invariant) -> Iterator[Complaint]:
    for i, name in enumerate(invariant.detects.access_analyzer):
        if name not in FINDING_TYPES:
            remedy = f"Choose one of {', '.join(sorted(FINDING_TYPES))}."
            loc: Loc = ("detects", "access_analyzer", i)
            yield Complaint(loc, f'Access Analyzer has no finding type "{name}"', remedy)


def _waivers(invariant: Invariant) -> Iterator[Complaint]:
    for name in invariant.lint_waivers:
        if name not in lint.RULES:
            near = get_close_matches(name, lint.RULES, n=1)
            remedy = f'Did you mean "{near[0]}"?' if near else "docs/catalogue.md lists the rules."
            yield Complaint(("lint_waivers", name), f'The linter has no rule "{name}"', remedy)


def _tests(invariant: Invariant) -> Iterator[Complaint]:
    """A policy without a test is a hope; only a draft may be one."""
    wanted = ("must_deny", "must_allow") if invariant.is_authorisation else ("must_set",)
    for name in ("must_deny", "must_allow", "must_set"):
        given = bool(getattr(invariant, name))
        if name in wanted and not given and not invariant.draft:
            remedy = "Add at least one, or mark the invariant as a draft."
            yield Complaint((name,), f'"{name}" is missing', remedy)
        if name not in wanted and given:
            decides = "decides requests" if invariant.is_authorisation else "decides no requests"
            remedy = f"Use {' and '.join(wanted)}."
            yield Complaint((name,), f"A policy of type {invariant.type} {decides}", remedy)


def _probes(invariant: Invariant) -> Iterator[Complaint]:
    seen: set[str] = set()
    for kind in ("must_deny", "must_allow"):
        for i, probe in enumerate(getattr(invariant, kind)):
            yield from _probe(probe, (kind, i))
            if probe.name in seen:
                what = f'Two probes are called "{probe.name}"'
                yield Complaint((kind, i, "name"), what, "Say what makes them differ.")
            seen.add(probe.name)


def _probe(probe: Probe, loc: Loc) -> Iterator[Complaint]:
    if not _PRINCIPAL.match(probe.principal):
        remedy = (
            "Give the ARN of one role (not of its session), user or root, the name of an AWS "
            "service (ec2.amazonaws.com), or * for an anonymous caller."
        )
        yield Complaint((*loc, "principal"), f'"{probe.principal}" is no caller', remedy)
    resource = localised(probe.resource, "000000000000", "us-east-1")
    if resource != "*" and not _ARN.match(resource):
        remedy = "Give a whole ARN, or * where the action has no resource."
        yield Complaint((*loc, "resource"), f'"{probe.resource}" is no resource', remedy)
    elif any(star in resource.removesuffix(":*")[1:] for star in "*?"):
        remedy = "A request names one resource: write an ARN without wildcards."
        yield Complaint((*loc, "resource"), f'"{probe.resource}" has a wildcard', remedy)
    if probe.resource_account and not re.fullmatch(r"\d{12}", probe.resource_account):
        what = f'"{probe.resource_account}" is no account'
        yield Complaint((*loc, "resource_account"), what, "Write twelve digits, in quotes.")


def _policy(invariant: Invariant) -> Iterator[Complaint]:
    if invariant.type not in AUTHORISATION_TYPES:
        if not invariant.policy:
            yield Complaint(("policy",), "The policy is empty", "Write what it sets.")
        return
    try:
        engine.parse(invariant.policy, grammar=grammar_of(invariant.type))
    except engine.PolicySyntaxError as error:
        loc = ("policy", *steps(error.path, invariant.policy))
        yield Complaint(loc, f"The policy cannot be read: {error.problem}", _GRAMMAR_PAGE)


_GRAMMAR_PAGE: Final = (
    "The grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html."
)


def steps(path: str, data: object) -> Loc:
    """The engine's path ("$.Statement[0].Condition") as steps into `data`, as far as they lead.

    Keys of conditions hold dots and colons themselves, so the data says where a step ends.
    """
    rest = path.removeprefix("$")
    found: list[str | int] = []
    while rest:
        index = re.match(r"\[(\d+)\]", rest)
        if index and isinstance(data, list) and int(index[1]) < len(data):
            step: str | int = int(index[1])
            rest, data = rest[index.end() :], data[int(index[1])]
        elif isinstance(data, dict) and (keys := _prefixes(rest, data)):
            step = max(keys, key=len)
            rest, data = _after(rest, step), data[step]
        else:
            break
        found.append(step)
    return tuple(found)


def _prefixes(rest: str, data: dict[str, object]) -> list[str]:
    return [key for key in data if rest.startswith((f".{key}", f'["{key}"]', f"['{key}']"))]


def _after(rest: str, key: str) -> str:
    return rest[len(key) + (1 if rest.startswith(".") else 4) :]
