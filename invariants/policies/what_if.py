"""What may be asked of the kind "what would change if …": texts that are policies, and of which type."""

from typing import Final

from invariants import engine

SCP: Final = "SERVICE_CONTROL_POLICY"
RCP: Final = "RESOURCE_CONTROL_POLICY"
# Of IAM, not of AWS Organizations: nobody can attach one to an OU.
BOUNDARY: Final = "PERMISSIONS_BOUNDARY"
_GRAMMARS: Final = {SCP: engine.Grammar.SCP, RCP: engine.Grammar.RCP}
_WORDS: Final = {SCP: "an SCP", RCP: "an RCP"}
# AWS takes none that is half as long, of any type.
MAX_CHARACTERS: Final = 40_000
KEPT_DAYS: Final = 30
WAITING_PER_PERSON: Final = 5


class CannotAsk(ValueError):
    """The question is none. `item` names what is wrong: policy, text, type, target or act."""

    def __init__(self, item: str, words: str) -> None:
        super().__init__(words)
        self.item = item
        self.words = words


def decides(policy_type: str) -> bool:
    """Whether policies of the type decide requests; all others set values, which accounts inherit."""
    return policy_type in _GRAMMARS


def check_text(text: str, policy_type: str) -> None:
    """Refuse what AWS would not take as a policy of this type.

    :raises CannotAsk: says where it is wrong, and what to do about it.
    """
    if not text.strip():
        raise CannotAsk("text", "There is no text. Paste the policy's JSON.")
    if "\0" in text:
        raise CannotAsk(
            "text", "The text holds a character that no policy can have (NUL): take it out."
        )
    if len(text) > MAX_CHARACTERS:
        raise CannotAsk(
            "text",
            f"The text has {len(text):,} characters, and no policy of AWS Organizations has more than "
            f"{MAX_CHARACTERS:,}. Split it, or paste one policy only.",
        )
    try:
        _parse(text, policy_type)
    except engine.PolicySyntaxError as error:
        raise CannotAsk("text", _complaint(error, text, policy_type)) from error


def _parse(text: str, policy_type: str) -> None:
    if decides(policy_type):
        engine.parse(text, grammar=_GRAMMARS[policy_type])
    else:
        engine.parse_management(text)


def _complaint(error: engine.PolicySyntaxError, text: str, policy_type: str) -> str:
    """Where and what, and where it is a policy of another type, of which."""
    place = "" if error.path == "$" else f" at {error.path}"
    said = f"This is no policy of the type{place}: {error.problem}."
    if error.problem.startswith("no JSON"):
        return f"The text is {error.problem}. Mend it there."
    fits = [name for kind, name in _WORDS.items() if kind != policy_type and _fits(text, kind)]
    if fits:
        return f"{said} It reads as {' or '.join(fits)}: choose that type."
    if decides(policy_type) and _sets_values(text):
        return f"{said} It sets values and decides no requests: choose the type that it is of."
    return f"{said} Mend it there, or choose another type."


def _fits(text: str, policy_type: str) -> bool:
    try:
        _parse(text, policy_type)
    except engine.PolicySyntaxError:
        return False
    return True


def _sets_values(text: str) -> bool:
    try:
        found = engine.parse_management(text)
    except engine.PolicySyntaxError:
        return False
    return bool(found.below)
