"""Hypothesis: policies, and requests of which more or less is known."""

from dataclasses import dataclass

from hypothesis import strategies as st

from invariants.engine import (
    ABSENT,
    ANYONE,
    PRESENT_UNKNOWN,
    UNKNOWN_STATE,
    Base,
    OneOf,
    Organization,
    Present,
    Request,
    principal_of,
)

KEYS = ("k:a", "k:b", "aws:PrincipalTag/c")
MEMBER, MANAGEMENT, FOREIGN = "111122223333", "999999999999", "444455556666"
ORGANIZATION = Organization(MANAGEMENT, frozenset({MEMBER}))
VALUES = (
    "",
    "x",
    "X",
    "xy",
    "true",
    "false",
    "1",
    "2",
    "2026-01-01T00:00:00Z",
    "192.0.2.1",
    "2001:db8::1",
    "YQ==",
    "arn:aws:iam::111122223333:role/x",
    "arn:aws:iam::444455556666:role/y:z",
)
PATTERNS = (
    *VALUES,
    "*",
    "x*",
    "?",
    "192.0.2.0/24",
    "arn:aws:iam::*:role/*",
    "arn:*",
    "${k:a}",
    "${k:b}*",
    "${AWS:principaltag/c, 'x'}",
    "${Placeholder}",
    "${*}",
    "arn:aws:iam::${k:a}:role/x",
)
ACTIONS = ("s3:GetObject", "s3:PutObject", "kms:Decrypt", "ec2:RunInstances")
RESOURCES = ("*", "arn:aws:s3:::x", "arn:aws:s3:::home/xy")
PRINCIPALS = tuple(
    principal_of(name)
    for name in (
        f"arn:aws:iam::{MEMBER}:role/x",
        f"arn:aws:iam::{MEMBER}:role/aws-service-role/x/y",
        f"arn:aws:iam::{MANAGEMENT}:user/x",
        f"arn:aws:iam::{FOREIGN}:root",
        "ec2.amazonaws.com",
    )
)


def several(values, least=1):
    """One value, or a list of them."""
    return st.one_of(
        st.sampled_from(values),
        st.lists(st.sampled_from(values), min_size=least, max_size=3),
    )


OPERATORS = st.one_of(
    st.builds(
        lambda quantifier, base, if_exists: f"{quantifier}{base.value}{if_exists}",
        st.sampled_from(["", "", "ForAnyValue:", "ForAllValues:"]),
        st.sampled_from([base for base in Base if base is not Base.NULL]),
        st.sampled_from(["", "IfExists"]),
    ),
    st.just("Null"),
)
CONDITIONS = st.dictionaries(
    OPERATORS,
    st.dictionaries(st.sampled_from(KEYS), several(PATTERNS), min_size=1, max_size=2),
    max_size=2,
)


@st.composite
def statements(draw, effect=None):
    negated = draw(st.sampled_from(["", "", "Not"]))
    place = draw(st.sampled_from(["", "", "Not"]))
    found = {
        "Effect": effect or draw(st.sampled_from(["Allow", "Deny", "Deny"])),
        f"{negated}Action": draw(several(("*", "s3:*", "s3:get*", "kms:Decrypt", "?c2:*"))),
        f"{place}Resource": draw(several(("*", "*", "arn:aws:s3:::*", "arn:aws:s3:::home/${k:a}"))),
    }
    if conditions := draw(CONDITIONS):
        found["Condition"] = conditions
    if draw(st.booleans()):
        found["Sid"] = draw(st.sampled_from(["A", "B"]))
    return found


def documents():
    return st.builds(
        lambda version, found: {"Version": version, "Statement": found},
        st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"]),
        st.lists(statements(), min_size=1, max_size=3),
    )


FULL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
# Levels of documents; most have the policy that allows all, or everything would be denied.
STACKS = st.lists(
    st.builds(
        lambda full, found: [FULL, *found] if full else found,
        st.sampled_from([True, True, True, False]),
        st.lists(documents(), max_size=2),
    ),
    min_size=1,
    max_size=3,
)
SHARP = st.one_of(
    st.just(ABSENT),
    st.builds(
        Present, st.lists(st.sampled_from(VALUES), min_size=0, max_size=2, unique=True).map(tuple)
    ),
)


@st.composite
def blurred(draw, state):
    """A state of which less is known, or as much."""
    ways = ["same", "unknown", "one-of"]
    if state == PRESENT_UNKNOWN or (isinstance(state, Present) and state.values):
        ways.append("there")
    way = draw(st.sampled_from(ways))
    if way == "unknown" or state == UNKNOWN_STATE:
        return UNKNOWN_STATE
    if way == "there":
        return PRESENT_UNKNOWN
    if way == "same":
        return state
    if isinstance(state, OneOf):
        return OneOf((*state.states, draw(SHARP)))
    return OneOf(tuple(draw(st.permutations([state, draw(SHARP)]))))


@dataclass(frozen=True)
class Known:
    """One request, known wholly, less, and least."""

    sharp: Request
    middle: Request
    dim: Request


@st.composite
def requests(draw):
    sharp = {key: draw(SHARP) for key in KEYS}
    middle = {key: draw(blurred(state)) for key, state in sharp.items()}
    dim = {key: draw(blurred(state)) for key, state in middle.items()}
    action = draw(st.sampled_from(ACTIONS))
    resource = draw(st.sampled_from(RESOURCES))
    principal = draw(st.sampled_from(PRINCIPALS))
    owner = draw(st.sampled_from([MEMBER, MEMBER, MANAGEMENT, FOREIGN]))
    # Of "*" the owner cannot be hidden: without one it says that the action knows no resources, which is
    # another thing to know, not less. A resource that nobody knows is None (hidden == 1).
    hidden = draw(st.sampled_from([0, 0, 0, 1, 2] if resource == "*" else [0, 0, 0, 1, 2, 3]))
    left_out = {key: state for key, state in dim.items() if state != UNKNOWN_STATE}
    return Known(
        Request(action, resource, principal, owner, sharp),
        Request(action, resource, principal, owner, middle),
        Request(
            action,
            None if hidden == 1 else resource,
            ANYONE if hidden == 2 else principal,
            None if hidden == 3 else owner,
            left_out,
        ),
    )
