"""Requests, states and policies as the vectors and tests write them."""

import json
from pathlib import Path

from invariants.engine import (
    ABSENT,
    FALSE,
    PRESENT_UNKNOWN,
    TRUE,
    UNKNOWN,
    UNKNOWN_STATE,
    Attached,
    Layer,
    Level,
    OneOf,
    Present,
    Request,
    compile_stack,
    parse,
    principal_of,
)

VECTORS = Path(__file__).parent / "vectors"
TRUTHS = {"T": TRUE, "F": FALSE, "U": UNKNOWN}
MEMBER = "111122223333"
ROLE = principal_of(f"arn:aws:iam::{MEMBER}:role/app/orders")
FULL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def state(written):
    if written["state"] == "present":
        return Present(tuple(written["values"]))
    if written["state"] == "one-of":
        return OneOf(tuple(map(state, written["states"])))
    return {"absent": ABSENT, "present-unknown": PRESENT_UNKNOWN, "unknown": UNKNOWN_STATE}[
        written["state"]
    ]


def context(written):
    return {key: state(one) for key, one in written.items()}


def deny(action="*", resource="*", condition=None, **more):
    statement = {"Effect": "Deny", "Action": action, "Resource": resource} | more
    return statement | ({"Condition": condition} if condition else {})


def policy(*statements, version="2012-10-17"):
    document = {"Statement": list(statements)}
    return parse(document | ({"Version": version} if version else {}))


def stack(*levels, layer=Layer.SCP):
    """Each level a list of (name, policy), root first; FullAWSAccess is added to each level."""
    full = Attached("FullAWSAccess", policy(FULL))
    return compile_stack(
        layer,
        [
            Level(f"level-{number}", (full, *(Attached(*one) for one in level)))
            for number, level in enumerate(levels)
        ],
    )


def request(action="s3:DeleteBucket", resource="arn:aws:s3:::logs", principal=ROLE, **more):
    return Request(action, resource, principal, **more)
