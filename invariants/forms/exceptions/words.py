"""What the form of a request says where nothing stands."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# What to write, by field.
EMPTY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "justification": "Say what must work, in a sentence: the reviewers know nothing of your system.",
        "reason": "Choose why it cannot be done otherwise.",
        "remediation_plan": "Say what has to happen so that it is no longer needed.",
        "title": "Give it a short name, by which you find it again.",
        "system": "Name the system that needs it.",
        "business_owner": "Name who answers for the risk in your department: not you.",
        "compensating": "Say what lowers the risk meanwhile, such as an alarm or a log.",
    }
)
