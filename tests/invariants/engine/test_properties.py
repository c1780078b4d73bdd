"""What holds for every policy and every request."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invariants.engine import (
    Attached,
    Layer,
    Level,
    Outcome,
    Reason,
    Request,
    Truth,
    canonical,
    compile_stack,
    evaluate,
    fingerprint,
    keys_read,
    minified,
    parse,
    print_policy,
    statement_truth,
    templates,
)
from invariants.engine.patterns import arn_source, compiled, glob
from tests.invariants.engine import worlds

STRICTNESS = [Outcome.NOT_DENIED, Outcome.UNKNOWN, Outcome.DENIED]
thorough = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def stack_of(levels, layer=Layer.SCP, change=lambda policy: policy):
    return compile_stack(
        layer,
        [
            Level(
                str(number),
                tuple(
                    Attached(str(place), change(parse(document)))
                    for place, document in enumerate(documents)
                ),
            )
            for number, documents in enumerate(levels)
        ],
    )


def verdict_of(request, stack):
    return evaluate(request, stack, organization=worlds.ORGANIZATION)


@thorough
@given(levels=worlds.STACKS, known=worlds.requests(), layer=st.sampled_from(Layer))
def test_more_knowledge_never_takes_a_definite_answer_back(levels, known, layer):
    stack = stack_of(levels, layer)
    dim, middle, sharp = (
        verdict_of(request, stack).outcome for request in (known.dim, known.middle, known.sharp)
    )
    if dim is not Outcome.UNKNOWN:
        assert middle is dim
    if middle is not Outcome.UNKNOWN:
        assert sharp is middle


@thorough
@given(document=worlds.documents(), known=worlds.requests())
def test_nor_does_it_for_one_statement(document, known):
    policy = parse(document)
    for statement in policy.statements:
        dim, middle, sharp = (
            statement_truth(statement, request, version=policy.version)
            for request in (known.dim, known.middle, known.sharp)
        )
        assert dim in (Truth.UNKNOWN, middle)
        assert middle in (Truth.UNKNOWN, sharp)


def shuffled(value, draw):
    """The same document in another order."""
    if isinstance(value, dict):
        names = draw(st.permutations(list(value)))
        return {name: shuffled(value[name], draw) for name in names}
    if isinstance(value, list):
        return [shuffled(one, draw) for one in draw(st.permutations(value))]
    return value


@thorough
@given(levels=worlds.STACKS, known=worlds.requests(), layer=st.sampled_from(Layer), data=st.data())
def test_order_makes_no_difference(levels, known, layer, data):
    stack = stack_of(levels, layer)
    other = stack_of(shuffled(levels, data.draw), layer)
    for request in (known.dim, known.sharp):
        mixed = replace(
            request, context=dict(data.draw(st.permutations(list(request.context.items()))))
        )
        one, two = verdict_of(request, stack), verdict_of(mixed, other)
        assert one.outcome is two.outcome
        assert set(one.missing) == set(two.missing)


@thorough
@given(
    levels=worlds.STACKS,
    known=worlds.requests(),
    layer=st.sampled_from(Layer),
    added=worlds.statements(effect="Deny"),
    data=st.data(),
)
def test_one_more_deny_never_removes_a_denial(levels, known, layer, added, data):
    level = data.draw(st.integers(0, len(levels) - 1))
    document = {"Version": "2012-10-17", "Statement": added}
    more = [
        [*documents, document] if n == level else documents for n, documents in enumerate(levels)
    ]
    for request in (known.dim, known.sharp):
        before = verdict_of(request, stack_of(levels, layer)).outcome
        after = verdict_of(request, stack_of(more, layer)).outcome
        assert STRICTNESS.index(after) >= STRICTNESS.index(before)


@thorough
@given(levels=worlds.STACKS, known=worlds.requests())
def test_what_is_missing_is_what_would_settle_it(levels, known):
    stack = stack_of(levels)
    request = replace(known.dim, resource=known.sharp.resource, principal=known.sharp.principal)
    verdict = evaluate(request, stack)
    if verdict.reason is not Reason.MISSING_KEYS:
        return
    missing = {name.lower() for name in verdict.missing}
    sharp = {key.lower(): state for key, state in known.sharp.context.items()}
    told = {key: state for key, state in sharp.items() if key in missing}
    rest = {key: state for key, state in sharp.items() if key not in missing}
    assert missing == told.keys()
    settled = evaluate(replace(request, context=request.states | told), stack)
    assert settled.reason is not Reason.MISSING_KEYS
    useless = evaluate(replace(request, context=request.states | rest), stack)
    assert useless.outcome is Outcome.UNKNOWN


@thorough
@given(document=worlds.documents())
def test_a_printed_policy_is_the_policy(document):
    policy = parse(document)
    assert parse(print_policy(policy)) == policy
    assert parse(print_policy(policy, indent=3)) == policy
    assert minified(print_policy(policy, indent=3)) == print_policy(policy)


@thorough
@given(document=worlds.documents(), data=st.data())
def test_the_canonical_form_is_the_same_for_every_order_and_its_own(document, data):
    policy, other = parse(document), parse(shuffled(document, data.draw))
    assert canonical(policy) == canonical(other)
    assert fingerprint(policy) == fingerprint(other)
    assert canonical(canonical(policy)) == canonical(policy)
    assert parse(print_policy(canonical(policy))) == canonical(policy)
    assert set(map(str.lower, keys_read(canonical(policy)))) == set(
        map(str.lower, keys_read(policy))
    )


@thorough
@given(levels=worlds.STACKS, known=worlds.requests())
def test_the_canonical_form_says_the_same(levels, known):
    stack, other = stack_of(levels), stack_of(levels, change=canonical)
    for request in (known.dim, known.sharp):
        assert verdict_of(request, stack).outcome is verdict_of(request, other).outcome


def matches(pattern, text, *, letter=lambda _: True):
    """Wildcards by the book: slow, and plainly right."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return matches(pattern[1:], text, letter=letter) or (
            bool(text) and letter(text[0]) and matches(pattern, text[1:], letter=letter)
        )
    fits = bool(text) and (letter(text[0]) if pattern[0] == "?" else pattern[0] == text[0])
    return fits and matches(pattern[1:], text[1:], letter=letter)


@thorough
@given(pattern=st.text("ab*?:\n", max_size=9), text=st.text("ab:\n", max_size=9))
def test_a_pattern_matches_what_its_wildcards_stand_for(pattern, text):
    expression = glob(templates.wild(pattern))
    assert (expression.fullmatch(text) is not None) is matches(pattern, text)


SEGMENT = st.text("ab*?", max_size=4)
PLAIN = st.text("ab", max_size=4)


@thorough
@given(
    pattern=st.lists(SEGMENT, min_size=6, max_size=7),
    arn=st.lists(PLAIN, min_size=6, max_size=7),
)
def test_an_arn_matches_segment_by_segment(pattern, arn):
    source = arn_source(templates.wild(":".join(pattern)))
    heads = all(matches(one, other) for one, other in zip(pattern[:5], arn[:5], strict=True))
    tail = matches(":".join(pattern[5:]), ":".join(arn[5:]))
    assert (compiled([source]).fullmatch(":".join(arn)) is not None) is (heads and tail)


def test_a_pattern_made_to_be_slow_is_not():
    """Would not end in a lifetime if every * could be tried again."""
    text = "a" * 20_000
    assert glob(templates.wild("a*" * 200 + "b")).fullmatch(text) is None
    arn = "arn:aws:iam::111122223333:" + text
    pattern = arn_source(templates.wild("arn:aws:iam::*1*1*:" + "*a" * 200 + "*b"))
    assert compiled([pattern]).fullmatch(arn) is None


def test_the_requests_of_these_tests_reach_every_outcome():
    outcomes = set()

    @settings(max_examples=120, deadline=None, database=None, derandomize=True)
    @given(levels=worlds.STACKS, known=worlds.requests())
    def ask(levels, known):
        stack = stack_of(levels)
        outcomes.update(
            (verdict.outcome, verdict.reason)
            for verdict in (verdict_of(known.dim, stack), verdict_of(known.sharp, stack))
        )

    ask()
    assert {reason for _, reason in outcomes} >= {
        Reason.DENY,
        Reason.NO_ALLOW,
        Reason.MISSING_KEYS,
        Reason.UNKNOWN_SCOPE,
        Reason.EXEMPT,
        Reason.NOTHING_DENIES,
    }


def test_a_request_is_not_changed_by_being_asked_about():
    request = Request("s3:GetObject", context={"k:a": worlds.UNKNOWN_STATE})
    before = dict(request.states)
    verdict_of(request, stack_of([[worlds.FULL]]))
    assert request.states == before
