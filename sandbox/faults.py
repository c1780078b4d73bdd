"""Faults of the sandbox AWS: rules that spoil calls, for tests and demonstrations.

From the command line: `python -m sandbox.faults --endpoint URL throttle|deny|expire|error|slow|empty-page|truncate|reset …`,
`list` and `clear`. In a test: `running.faults.add(Rule("deny", service="securityhub"))`.
"""

import argparse
import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from itertools import count
from time import monotonic
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from sandbox.rates import Buckets

KINDS = ("throttle", "deny", "expire", "error", "slow", "empty-page", "truncate", "reset")


class BadRule(ValueError):
    """A rule names an unknown kind or field, or a number out of range."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault. `*` and `?` are wildcards in service, operation, account and region."""

    kind: str
    """throttle: AWS's rates; deny: AccessDenied; expire: ends the caller's session; error: a 5xx; slow: waits first;
    empty-page: no items, but a token; truncate: half of the body; reset: the connection is reset."""
    service: str = "*"
    """Signing name: securityhub, organizations, access-analyzer, account, sts, …"""
    operation: str = "*"
    account: str = "*"
    """The account that the call is about (AccountId, or the account of the role to assume), else the caller's."""
    region: str = "*"
    body: str = ""
    """Text that the call's body has to contain, such as the id of one policy."""
    times: int | None = None
    """Hits after which the rule is used up; None: no end."""
    probability: float = 1.0
    """Share of calls that are hit. The same call (and repetition of it) is decided the same in every run."""
    seed: int = 0
    percent: float = 100.0
    """throttle: share of AWS's rates that is let through."""
    seconds: float = 1.0
    """slow: how long."""
    status: int = 500
    """error: 500 or 503."""
    code: str = ""
    """error: an error code instead of the service's own."""
    policy_arn: str = ""
    """deny: ARN of the service control policy that AWS's message names."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadRule(f"Unknown fault {self.kind!r}: one of {', '.join(KINDS)}")
        if not 0 <= self.probability <= 1 or self.percent <= 0 or self.seconds < 0:
            raise BadRule("probability is 0 to 1, percent above 0, seconds not negative")
        if not 500 <= self.status <= 599 or (self.times is not None and self.times < 1):
            raise BadRule("status is 500 to 599, times at least 1")

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read a rule.

        :raises BadRule: on an unknown kind or field, or a value of the wrong type
        """
        known = {field.name for field in fields(cls)}
        unknown = set(document) - known - {"hits"}
        if unknown or "kind" not in document:
            raise BadRule(f"Unknown field {sorted(unknown)[0]}" if unknown else "A rule has a kind")
        try:
            return cls(**{name: value for name, value in document.items() if name in known})
        except TypeError as error:
            raise BadRule(str(error)) from error


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules look at in a call."""

    service: str
    operation: str
    caller_account: str
    about_account: str
    """The account that the call names; empty when it names none."""
    region: str
    body: bytes


class _Active:
    """A rule that is switched on, with its counts."""

    def __init__(self, rule: Rule, clock: Callable[[], float]) -> None:
        self.rule = rule
        self.hits = 0
        self._seen: dict[bytes, int] = {}
        self._buckets = Buckets(rule.percent, clock=clock)

    def strikes(self, facts: Facts) -> bool:
        """Tell whether the rule hits this call, and count it."""
        rule = self.rule
        if rule.times is not None and self.hits >= rule.times:
            return False
        if not self._fits(facts) or not self._is_drawn(facts):
            return False
        if rule.kind == "throttle" and self._buckets.take(
            facts.service, facts.operation, facts.caller_account, facts.region
        ):
            return False
        self.hits += 1
        return True

    def _fits(self, facts: Facts) -> bool:
        rule = self.rule
        if rule.body and rule.body.encode() not in facts.body:
            return False
        return all(
            fnmatchcase(value, pattern)
            for value, pattern in (
                (facts.service, rule.service),
                (facts.operation, rule.operation),
                (facts.about_account or facts.caller_account, rule.account),
                (facts.region, rule.region),
            )
        )

    def _is_drawn(self, facts: Facts) -> bool:
        if self.rule.probability >= 1:
            return True
        # The nth time that this very call comes: independent of what other threads do in between.
        call = hashlib.blake2s(repr(facts).encode()).digest()
        repetition = self._seen[call] = self._seen.get(call, 0) + 1
        draw = hashlib.blake2s(call + f"{self.rule.seed}/{repetition}".encode()).digest()
        return int.from_bytes(draw[:4], "big") < self.rule.probability * 2**32


class Faults:
    """The rules that are switched on. Safe to use from many threads."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ids = count(1)
        self._active: dict[int, _Active] = {}

    def add(self, *rules: Rule) -> None:
        """Switch rules on, after those that are on already."""
        with self._lock:
            for rule in rules:
                self._active[next(self._ids)] = _Active(rule, self._clock)

    def replace(self, rules: Iterable[Rule]) -> None:
        """Switch exactly these rules on; one that is on already keeps its counts."""
        with self._lock:
            running = {active.rule: active for active in self._active.values()}
            self._active = {
                next(self._ids): running.get(rule) or _Active(rule, self._clock) for rule in rules
            }

    def clear(self) -> None:
        """Switch all rules off."""
        with self._lock:
            self._active = {}

    def report(self) -> list[dict[str, Any]]:
        """List the rules as JSON objects, each with its `hits`."""
        with self._lock:
            return [{**asdict(item.rule), "hits": item.hits} for item in self._active.values()]

    def strike(self, facts: Facts) -> list[Rule]:
        """Give the rules that hit this call, in the order in which they were switched on, and count them."""
        if not self._active:
            return []
        with self._lock:
            return [item.rule for item in self._active.values() if item.strikes(facts)]


def read_rules(document: Any) -> list[Rule]:
    """Read `{"rules": [...]}`, a list of rules, or one rule.

    :raises BadRule: when one cannot be read
    """
    if isinstance(document, dict):
        document = document.get("rules", [document])
    if not isinstance(document, list) or not all(isinstance(item, dict) for item in document):
        raise BadRule('Rules are {"rules": [{"kind": …}, …]}')
    return [Rule.from_json(item) for item in document]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.faults", description=__doc__)
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    parser.add_argument("--endpoint", default=endpoint, help="default: AWS_ENDPOINT_URL")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show the rules that are on, with their hits")
    commands.add_parser("clear", help="switch all rules off")
    for kind in KINDS:
        _add_rule_arguments(commands.add_parser(kind), kind)
    return parser


def _add_rule_arguments(command: argparse.ArgumentParser, kind: str) -> None:
    for name in ("service", "operation", "account", "region"):
        command.add_argument(f"--{name}", default="*")
    command.add_argument("--body", default="", help="text that the call's body contains")
    command.add_argument("--times", type=int)
    command.add_argument("--probability", type=float, default=1.0)
    command.add_argument("--seed", type=int, default=0)
    if kind == "throttle":
        command.add_argument("--percent", type=float, default=100.0)
    elif kind == "slow":
        command.add_argument("--seconds", type=float, default=1.0)
    elif kind == "error":
        command.add_argument("--status", type=int, default=500)
        command.add_argument("--code", default="")
    elif kind == "deny":
        command.add_argument("--policy-arn", default="")


def _ask(endpoint: str, method: str, document: Any = None) -> Any:
    # The scheme is fixed by the check in `main`.
    request = Request(  # noqa: S310
        f"{endpoint.rstrip('/')}/_sandbox/faults",
        method=method,
        data=None if document is None else json.dumps(document).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    given = vars(_parser().parse_args(arguments))
    endpoint, command = given.pop("endpoint"), given.pop("command")
    if not endpoint or not endpoint.startswith("http://"):
        print("Say --endpoint http://127.0.0.1:PORT or set AWS_ENDPOINT_URL", file=sys.stderr)
        return 2
    try:
        if command == "list":
            answer = _ask(endpoint, "GET")
        elif command == "clear":
            answer = _ask(endpoint, "DELETE")
        else:
            answer = _ask(endpoint, "POST", {"kind": command, **given})
    except HTTPError as error:
        with error:
            print(error.read().decode(), file=sys.stderr)
        return 1
    except URLError as error:
        print(f"No sandbox AWS at {endpoint}: {error.reason}", file=sys.stderr)
        return 1
    print(json.dumps(answer, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
