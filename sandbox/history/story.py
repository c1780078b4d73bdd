"""The story: what happens to the organisation, as waves of trouble and repair with dates relative to the anchor day.

A wave makes some checks fail from a moment of their own inside its first part until a moment of their own inside its
last part; which checks, and when, is drawn from each check's own seed. Everything else comes from the steady process
in `sandbox.history.checks`.
"""

from dataclasses import dataclass
from functools import cache

from sandbox import chance
from sandbox.moments import DAY, WEEK


@dataclass(frozen=True, slots=True)
class Wave:
    """One setback. Moments are seconds relative to the anchor day."""

    number: int
    """Seeds its draws."""
    kinds: frozenset[str]
    """Kinds of accounts that it reaches; empty: all."""
    controls: frozenset[str]
    """Control ids or areas that it reaches; empty: all."""
    share: float
    """Share of those checks that begin to fail."""
    begins: tuple[int, int]
    ends: tuple[int, int]

    def reaches(self, control_id: str, area: str, kind: str) -> bool:
        """Return whether it reaches checks of that control and area in accounts of that kind."""
        if self.kinds and kind not in self.kinds:
            return False
        return not self.controls or bool(self.controls & {control_id, area})

    def span(self, seed: int) -> tuple[int, int] | None:
        """Return when the check with that seed fails because of this wave, or None."""
        own = chance.mix(seed, self.number)
        if chance.draw(own, 0) >= self.share:
            return None
        begin = self.begins[0] + int(chance.draw(own, 1) * (self.begins[1] - self.begins[0]))
        end = self.ends[0] + int(chance.draw(own, 2) * (self.ends[1] - self.ends[0]))
        return begin, end


def _wave(key: str, kinds: str, controls: str, share: float, *days: float) -> Wave:
    """Return a wave from space-separated kinds and controls, and four days (begin from, to, end from, to)."""
    first, second, third, fourth = (int(day * DAY) for day in days)
    return Wave(
        chance.seed_of("wave", key) % 100_000,
        frozenset(kinds.split()),
        frozenset(controls.split()),
        share,
        (first, second),
        (third, fourth),
    )


_LOGS = "CloudTrail.5 EC2.6 ELB.5 S3.9 RDS.9 EKS.8 Opensearch.5 CloudFront.5 APIGateway.1 APIGateway.9 Redshift.4 StepFunctions.1"

WAVES = (
    _wave(
        "ssh-module",
        "customer nonproduction",
        "EC2.13 EC2.18 EC2.19 EC2.53 EC2.54",
        0.85,
        -17 * 7,
        -16.5 * 7,
        -15 * 7,
        -13 * 7,
    ),
    _wave("data-decline", "data", "", 0.22, -14 * 7, -1 * 7, 3 * 7, 20 * 7),
    _wave("log-pipeline", "customer payments data nonproduction", _LOGS, 0.45, -32, -29, -23, -9),
    _wave(
        "pipeline-secrets",
        "nonproduction customer",
        "CodeBuild.1 CodeBuild.2 ECS.8 SecretsManager.1",
        0.35,
        -150,
        -146,
        -130,
        -90,
    ),
    _wave("public-bucket", "payments", "S3.2 S3.8", 0.5, -20.2, -20.1, -18.9, -18.7),
    _wave("detectors-off", "sandbox exceptions", "GuardDuty.1 Config.1", 0.3, -75, -72, -60, -50),
    _wave("runtime-end", "", "Lambda.2", 0.18, -40, -20, 10, 150),
    _wave("kubernetes-end", "", "EKS.2", 0.4, -64, -62, -45, -20),
    _wave(
        "platform-migration", "customer nonproduction", "SECURE_DEPLOYMENT", 0.12, 80, 95, 110, 150
    ),
    _wave("key-review", "", "IAM.3 IAM.8 IAM.22", 0.2, 130, 160, 170, 220),
)


@cache
def waves_on(control_id: str, area: str, kind: str) -> tuple[Wave, ...]:
    """Return the waves that reach checks of that control and area in accounts of that kind."""
    return tuple(wave for wave in WAVES if wave.reaches(control_id, area, kind))


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A decision to live with something: its findings become SUPPRESSED, with a note."""

    control_id: str
    kinds: frozenset[str]
    share: float
    since: int
    """Seconds relative to the anchor day."""
    note: str
    by: str


ACCEPTANCES = (
    Acceptance("IAM.6", frozenset({"sandbox", "nonproduction"}), 0.45, -12 * WEEK + 37_000, "Root credentials are removed centrally; hardware MFA not required (EXC-104).", "h.weiss"),
    Acceptance("Account.1", frozenset({"sandbox", "nonproduction"}), 0.35, -11 * WEEK + 41_000, "Reports reach the security team by the organisation's own address (EXC-109).", "h.weiss"),
    Acceptance("EC2.9", frozenset({"infrastructure", "customer"}), 0.5, -16 * WEEK + 50_000, "Ingress tier, fronted by AWS WAF (EXC-097).", "t.lindqvist"),
    Acceptance("S3.8", frozenset({"customer"}), 0.2, -19 * WEEK + 45_000, "Public website assets (EXC-091).", "m.okafor"),
    Acceptance("ELB.1", frozenset({"exceptions", "acquired"}), 0.6, -4 * WEEK + 52_000, "Vendor client speaks HTTP only until the March release (EXC-131).", "c.walsh"),
    Acceptance("CloudTrail.1", frozenset({"acquired"}), 0.4, -6 * WEEK + 30_000, "Covered by the organisation trail after migration (EXC-122).", "h.weiss"),
    Acceptance("Macie.1", frozenset({"sandbox"}), 0.6, -9 * WEEK + 40_000, "No customer data in sandboxes (EXC-113).", "s.nygaard"),
    Acceptance("Lambda.2", frozenset({"data"}), 0.5, 5 * WEEK + 40_000, "Runtime move is planned with the platform upgrade (EXC-140).", "d.abebe"),
)  # fmt: skip


@cache
def acceptances_of(control_id: str, kind: str) -> tuple[Acceptance, ...]:
    """Return the decisions about that control in accounts of that kind."""
    return tuple(one for one in ACCEPTANCES if one.control_id == control_id and kind in one.kinds)


PROGRAMMES = {
    "IDENTITY": 0.7,
    "MONITORING": 0.75,
    "DATA_PROTECTION": 0.9,
    "CULTURE": 1.5,
    "VULNERABILITY": 1.2,
}
"""How long repairs of an area take against the usual, by area."""

LEADERS = {"IAM.9": "IAM.6", "IAM.5": "IAM.19"}
"""Controls of one severity and area that can fail only where another one does, whose draws they share: a root user without
any MFA has no hardware MFA, and an IAM user with a password and no MFA has no MFA."""
LED_SHARE = 0.6
"""Share of the leader's backlog and outages that such a control fails in too."""

CERTAIN = frozenset({"Account.2", "CloudTrail.3"})
"""Controls that pass by what the organisation is: every account is its member, and its trail records in each of them."""

ROOT_CONTROLS = frozenset({"IAM.4", "IAM.6", "IAM.9"})
"""Controls about the root user's credentials; those of MFA do not apply where there are none."""

HARDNESS = {
    "IAM.6": 1.1,
    "IAM.4": 0.35,
    "Config.1": 0.6,
    "SSM.7": 0.6,
    "S3.2": 0.35,
    "S3.3": 0.2,
    "RDS.1": 0.3,
    "RDS.2": 0.6,
    "EC2.1": 0.25,
    "EMR.2": 0.5,
    "KMS.3": 0.3,
    "KMS.5": 0.3,
    "SSM.4": 0.3,
    "Lambda.1": 0.6,
    "CodeBuild.2": 1.3,
    "EC2.19": 1.3,
    "IAM.28": 0.15,
    "CloudTrail.1": 0.5,
    "Account.1": 1.3,
    "IAM.18": 1.2,
    "EC2.172": 1.6,
    "EC2.8": 0.9,
}
"""How much more often than usual for its severity a control fails, by control id."""
