"""What has to be said of a policy for all time, and when each policy type is enabled."""

from dataclasses import dataclass

from sandbox.moments import DAY, NEVER, WEEK

SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"
EC2 = "DECLARATIVE_POLICY_EC2"
S3 = "S3_POLICY"
AI = "AISERVICES_OPT_OUT_POLICY"
INSPECTOR = "INSPECTOR_POLICY"
TAG = "TAG_POLICY"
BACKUP = "BACKUP_POLICY"
EVERYWHERE = "*"
PIPELINE = ""
"""Who changes policies where nobody is named: the platform's pipeline."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a policy type is enabled on the root, in seconds relative to the anchor day."""

    since: int = -NEVER
    until: int = NEVER
    by: str = PIPELINE
    ended_by: str = PIPELINE


TYPE_SPANS = {
    SCP: (Span(),),
    RCP: (Span(),),
    EC2: (Span(),),
    TAG: (Span(),),
    BACKUP: (Span(),),
    S3: (Span(since=-22 * WEEK + 36_000),),
    INSPECTOR: (Span(until=-12 * WEEK + 50_000, ended_by="Luca Ferrante"),),
    AI: (
        Span(until=-9 * WEEK + 3 * DAY + 40_000, ended_by="Luca Ferrante"),
        Span(since=-7 * WEEK + 41_000),
    ),
}
"""When each policy type is enabled."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One target with the time it is attached, in seconds relative to the anchor day."""

    target: str
    """OU key, "root", "account:<account key>", or `EVERYWHERE` (root, every OU, every account)."""
    since: int = -NEVER
    until: int = NEVER
    by: str = PIPELINE
    """Who attached it: a person by name, or the pipeline."""
    ended_by: str = PIPELINE

    def covers(self, moment: int) -> bool:
        """Return whether it is there at that moment."""
        return self.since <= moment < self.until


@dataclass(frozen=True, slots=True)
class PolicyPlan:
    """One policy for all time. `since` is relative to the anchor day, in seconds."""

    key: str
    """Name of its content file."""
    type: str
    name: str
    description: str
    attachments: tuple[Attachment, ...]
    since: int = -NEVER
    until: int = NEVER
    """When somebody deletes it."""
    drifts_at: int = NEVER
    """When its content becomes that of `<key>.drifted`."""
    managed_id: str = ""
    """The fixed id of an AWS managed policy."""
    by: str = PIPELINE
    drifted_by: str = PIPELINE
    ended_by: str = PIPELINE
    is_as_saved: bool = False
    """Whether its file stands in AWS with its white space, as somebody saved it in the console."""
    is_cut: bool = False
    """Whether AWS answers with half of its text, which nobody can read."""

    def stands_at(self, moment: int) -> bool:
        """Return whether it exists at that moment."""
        return self.since <= moment < self.until


def types_at(moment: int) -> tuple[str, ...]:
    """Return the policy types that are enabled on the root at that moment (seconds relative to the anchor day)."""
    return tuple(
        name
        for name, spans in TYPE_SPANS.items()
        if any(span.since <= moment < span.until for span in spans)
    )


def at(*targets: str) -> tuple[Attachment, ...]:
    """Return attachments to these targets that were always there."""
    return tuple(Attachment(target) for target in targets)
