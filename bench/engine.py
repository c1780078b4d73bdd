"""What an evaluation of a stack of twelve SCPs costs, against merely walking through their statements.

Claims, each a ratio taken in one run:
- an evaluation costs at most ten times a walk in plain Python over the same statements that looks at
  each effect, action, resource and condition value once, and compares the actions;
- the same holds for the first request of each action, for which nothing is remembered yet;
- the same holds for requests of which much is unknown;
- one core evaluates at least 20,000 requests a second, with all keys known and with most unknown.

A walk decides nothing: it is what any evaluation would at least have to read.

    python bench/engine.py [--requests N]
"""

import argparse
import itertools
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.measure import Claim, median_seconds, report  # noqa: E402
from invariants.engine import (  # noqa: E402
    ABSENT,
    Attached,
    Grammar,
    KeyState,
    Layer,
    Level,
    Outcome,
    Request,
    Stack,
    compile_stack,
    evaluate,
    parse,
    present,
    principal_of,
    print_policy,
)

RUNS: Final = 9
LIMIT: Final = 10
PER_SECOND: Final = 20_000
_ADMINS: Final = ["arn:aws:iam::*:role/platform/*", "arn:aws:iam::*:role/stacksets-exec-*"]
_GLOBAL: Final = [
    "a4b",
    "access-analyzer",
    "account",
    "acm",
    "aws-marketplace-management",
    "aws-portal",
    "billing",
    "budgets",
    "ce",
    "chime",
    "cloudfront",
    "config",
    "consolidatedbilling",
    "cur",
    "directconnect",
    "fms",
    "globalaccelerator",
    "health",
    "iam",
    "importexport",
    "invoicing",
    "kms",
    "mobileanalytics",
    "networkmanager",
    "organizations",
    "payments",
    "pricing",
    "route53",
    "route53domains",
    "s3",
    "savingsplans",
    "shield",
    "sso",
    "sts",
    "support",
    "supportplans",
    "sustainability",
    "tag",
    "tax",
    "trustedadvisor",
    "waf",
    "wellarchitected",
]
_SERVICES: Final = (
    "s3",
    "ec2",
    "iam",
    "kms",
    "rds",
    "lambda",
    "logs",
    "sqs",
    "guardduty",
    "config",
)
_VERBS: Final = ("Get", "List", "Describe", "Create", "Update", "Delete", "Put", "Tag", "Disable")
_NOUNS: Final = (
    "Bucket",
    "Role",
    "Key",
    "Instance",
    "Detector",
    "Recorder",
    "Trail",
    "Queue",
    "Volume",
)


def _deny(sid: str, actions: list[str], condition: Any = None, **more: Any) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": "Deny", "Action": actions, "Resource": "*"} | more
    if not actions:
        del statement["Action"]
    return statement | ({"Condition": condition} if condition else {})


_UNLESS_ADMIN: Final = {"ArnNotLike": {"aws:PrincipalArn": _ADMINS}}
_STATEMENTS: Final[dict[str, list[dict[str, Any]]]] = {
    "Regions": [
        _deny(
            "Regions",
            [],
            {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-central-1"]}} | _UNLESS_ADMIN,
            NotAction=[f"{service}:*" for service in _GLOBAL],
        )
    ],
    "Root": [
        _deny(
            "Root",
            ["*"],
            {"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:root"}, "Null": {"aws:AssumedRoot": "true"}},
        )
    ],
    "Account": [
        _deny("Leave", ["organizations:LeaveOrganization"]),
        _deny("Contacts", ["account:Put*", "account:Delete*", "account:CloseAccount"], _UNLESS_ADMIN),
        _deny("OptIn", ["account:EnableRegion", "account:DisableRegion"], _UNLESS_ADMIN),
    ],
    "Identities": [
        _deny(
            "Users",
            ["iam:CreateUser", "iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"],
            {"StringNotEquals": {"aws:PrincipalTag/user-admin": "true"}} | _UNLESS_ADMIN,
        ),
        _deny(
            "Roles",
            ["iam:Attach*", "iam:Delete*", "iam:Detach*", "iam:Put*", "iam:Update*", "iam:Create*"],
            _UNLESS_ADMIN,
            Resource=["arn:aws:iam::*:role/security/*", "arn:aws:iam::*:role/audit-*"],
        ),
    ],
    "Monitoring": [
        _deny("Trails", ["cloudtrail:StopLogging", "cloudtrail:Delete*", "cloudtrail:Update*"]),
        _deny("Config", ["config:Stop*", "config:Delete*", "config:PutConfigurationRecorder"], _UNLESS_ADMIN),
        _deny("GuardDuty", ["guardduty:Delete*", "guardduty:Disassociate*", "guardduty:StopMonitoring*"]),
        _deny("Logs", ["logs:DeleteLogGroup", "logs:PutRetentionPolicy", "ec2:DeleteFlowLogs"], _UNLESS_ADMIN),
    ],
    "Data": [
        _deny("Keys", ["kms:ScheduleKeyDeletion"], {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "30"}}),
        _deny("Volumes", ["ec2:CreateVolume", "ec2:RunInstances"], {"Bool": {"ec2:Encrypted": "false"}}),
        _deny("PublicAccess", ["s3:PutAccountPublicAccessBlock", "s3:PutBucketPublicAccessBlock"], _UNLESS_ADMIN),
        _deny(
            "Perimeter",
            ["s3:Get*", "s3:Put*", "s3:Delete*", "sqs:*", "kms:Decrypt"],
            {
                "StringNotEqualsIfExists": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"},
                "BoolIfExists": {"aws:ViaAWSService": "false"},
            },
        ),
        _deny(
            "Network",
            ["s3:*", "sqs:*", "kms:*", "secretsmanager:*"],
            {
                "NotIpAddressIfExists": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"]},
                "StringNotEqualsIfExists": {"aws:SourceVpc": ["vpc-1", "vpc-2"]},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false"},
                "ArnNotLikeIfExists": {"aws:PrincipalArn": ["arn:aws:iam::*:role/aws:ec2-infrastructure", *_ADMINS]},
            },
        ),
    ],
    "Tags": [
        _deny(
            "Tags",
            ["*:Tag*", "*:CreateTags", "*:Untag*", "*:DeleteTags"],
            {"ForAnyValue:StringLike": {"aws:TagKeys": ["dp:*", "data-class"]}} | _UNLESS_ADMIN,
        )
    ],
    "Edges": [
        _deny(
            "Edges",
            ["ec2:AttachInternetGateway", "ec2:CreateInternetGateway", "ec2:*VpcPeering*", "globalaccelerator:Create*"],
            _UNLESS_ADMIN,
        )
    ],
}  # fmt: skip
_FULL: Final = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def documents() -> list[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """Twelve policies from the root to an account, as AWS hands them out: four times the one that allows."""
    named = {name: _document(statements) for name, statements in _STATEMENTS.items()}
    full = ("FullAWSAccess", _document([_FULL]))
    root, ou = list(named.items())[:4], list(named.items())[4:]
    return [
        ("root", [full, *root]),
        ("workloads", [full, *ou]),
        ("prod", [full]),
        ("account", [full]),
    ]


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def stack_of(levels: list[tuple[str, list[tuple[str, dict[str, Any]]]]]) -> Stack:
    return compile_stack(
        Layer.SCP,
        [
            Level(
                target,
                tuple(Attached(name, parse(one, grammar=Grammar.SCP)) for name, one in policies),
            )
            for target, policies in levels
        ],
    )


def requests(number: int, *, is_known: bool) -> list[Request]:
    """Requests of all kinds; where not `is_known`, of most keys nothing is said."""
    chance = random.Random(3)  # noqa: S311 - the same ones every time
    actions = [f"{s}:{v}{n}" for s, v, n in itertools.product(_SERVICES, _VERBS, _NOUNS)]
    principals = [
        principal_of(f"arn:aws:iam::111122223333:role/{name}")
        for name in ("app/orders", "platform/deploy", "audit-reader", "developer")
    ]
    found = []
    for count in range(number):
        context: dict[str, KeyState] = {
            "aws:RequestedRegion": present(
                chance.choice(["eu-west-1", "eu-central-1", "us-east-1"])
            ),
        }
        if is_known:
            context |= _known(chance)
        found.append(
            Request(
                actions[count % len(actions)],
                f"arn:aws:iam::111122223333:role/app/{count}",
                chance.choice(principals),
                context=context,
            )
        )
    return found


def _known(chance: random.Random) -> dict[str, KeyState]:
    return {
        "aws:SourceIp": present(chance.choice(["10.1.2.3", "198.51.100.7", "2001:db8::1"])),
        "aws:SourceVpc": ABSENT,
        "aws:ViaAWSService": present(False),
        "aws:PrincipalOrgID": present("o-abcdefghij"),
        "aws:ResourceOrgID": present("o-abcdefghij"),
        "aws:PrincipalTag/user-admin": ABSENT,
        "aws:AssumedRoot": ABSENT,
        "aws:TagKeys": chance.choice([ABSENT, present("team", "dp:exclude")]),
        "ec2:Encrypted": present(True),
        "kms:ScheduleKeyDeletionPendingWindowInDays": ABSENT,
    }


def walk(levels: list[tuple[str, list[tuple[str, dict[str, Any]]]]], action: str) -> int:
    """Look at all that is written, once; what is returned only keeps the work from being left out."""
    seen = 0
    for _, policies in levels:
        for _, policy in policies:
            for statement in policy["Statement"]:
                seen += statement["Effect"] == "Deny"
                for name in _listed(statement.get("Action") or statement["NotAction"]):
                    seen += name == action
                for resource in _listed(statement["Resource"]):
                    seen += resource == "*"
                for keys in statement.get("Condition", {}).values():
                    for values in keys.values():
                        for value in _listed(values):
                            seen += value == action
    return seen


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=4_000)
    number: int = parser.parse_args().requests
    levels = documents()
    stack = stack_of(levels)
    known, unknown = requests(number, is_known=True), requests(number, is_known=False)
    each = len({request.action for request in known})
    works: dict[str, tuple[int, Callable[[], object]]] = {
        "walk": (number, lambda: [walk(levels, request.action) for request in known]),
        "known": (number, lambda: [evaluate(request, stack) for request in known]),
        "unknown": (number, lambda: [evaluate(request, stack) for request in unknown]),
        "first": (each, lambda: _first(stack, known[:each])),
        "built": (number, lambda: requests(number, is_known=True)),
    }
    seconds = {
        name: median_seconds(work, runs=RUNS) / count for name, (count, work) in works.items()
    }
    claims = [
        Claim(f"{name} / a walk over the same statements", seconds[key] / seconds["walk"], LIMIT)
        for name, key in {
            "an evaluation with all keys known": "known",
            "an evaluation with most keys unknown": "unknown",
            "the first evaluation of an action": "first",
        }.items()
    ]
    claims += [
        Claim(f"requests a second, {name}", 1 / seconds[key], PER_SECOND, is_floor=True)
        for name, key in {"all keys known": "known", "most keys unknown": "unknown"}.items()
    ]
    policies = [parse(one) for _, level in levels for _, one in level]
    return report(
        "engine",
        claims,
        requests=number,
        policies=len(policies),
        statements=sum(len(policy.statements) for policy in policies),
        characters=sum(len(print_policy(policy)) for policy in policies),
        outcomes={
            outcome.value: sum(evaluate(one, stack).outcome is outcome for one in known + unknown)
            for outcome in Outcome
        },
        **{"per second, first of an action": round(1 / seconds["first"])},
        **{"microseconds to build a request": seconds["built"] * 1e6},
        **{"milliseconds to parse and compile the stack": _compiling(levels) * 1e3},
    )


def _first(stack: Stack, asked: list[Request]) -> None:
    """A stack that remembers nothing, of the same compiled statements."""
    fresh = Stack(stack.layer, stack.levels, stack.placed)
    for request in asked:
        evaluate(request, fresh)


def _compiling(levels: list[tuple[str, list[tuple[str, dict[str, Any]]]]]) -> float:
    """Of text that is new each time, so that nothing is remembered."""
    taken = []
    for run in range(RUNS):
        fresh = [
            (target, [(name, one | {"Id": f"{run}-{target}-{name}"}) for name, one in policies])
            for target, policies in levels
        ]
        start = time.perf_counter()
        stack_of(fresh)
        taken.append(time.perf_counter() - start)
    return sorted(taken)[RUNS // 2]


if __name__ == "__main__":
    sys.exit(main())
