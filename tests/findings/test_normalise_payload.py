import json
from datetime import UTC, datetime

import pytest

from findings.normalise import payload


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("plain", "plain"),
        ("Zoë \U0001f600", "Zoë \U0001f600"),
        ("a\0b", "ab"),
        ("half \ud83d of it", "half ? of it"),
        ("text \\u0000 about NUL", "text \\u0000 about NUL"),
        ("NaN", "NaN"),
        (float("nan"), None),
        (float("-inf"), None),
        ([1.5, {"k\0": "v"}], [1.5, {"k": "v"}]),
        (2**70, 2**70),
        (["a\0b", 2**70, "half \udc00"], ["ab", 2**70, "half ?"]),
        (datetime(2026, 5, 1, tzinfo=UTC), "2026-05-01 00:00:00+00:00"),
    ],
)
def test_what_jsonb_refuses_is_taken_out_and_the_rest_stays(value, kept):
    text = payload.to_json({"value": value})
    assert json.loads(text) == {"value": kept}
