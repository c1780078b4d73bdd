"""Tags of principals as AWS takes them, and as a scope names them: key=value.

Lengths, letters and the prefix that AWS keeps to itself:
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules
"""

import re
from typing import Final

LONGEST_KEY: Final = 128
LONGEST_VALUE: Final = 256
_LETTERS: Final = re.compile(r"[\w .:/=+@-]*")
_OF_AWS: Final = "aws:"
_SHOWN: Final = 60


def wrong_principal_tag(value: str) -> str:
    """What is wrong with a line of principals by tag, and the remedy; "" where nothing is.

    :param value: key=value; what stands before the first = is the key
    """
    key, between, of = value.partition("=")
    shown = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
    if not between or not key.strip() or key != key.strip():
        return f"{shown} is no tag: write key=value, such as team=billing."
    if key.lower().startswith(_OF_AWS):
        return f"{shown} begins with aws:, which only AWS sets: name a tag of your own."
    if len(key) > LONGEST_KEY:
        return f"{shown} has a key of {len(key)} characters: AWS takes {LONGEST_KEY}."
    if len(of) > LONGEST_VALUE:
        return f"{shown} has a value of {len(of)} characters: AWS takes {LONGEST_VALUE}."
    if not _LETTERS.fullmatch(value):
        return (
            f"{shown} has what no tag can have: write letters, digits, spaces and _ . : / = + - @, "
            "and no wildcard."
        )
    return ""
