from django.db import models

from findings.models.findings import Finding


class FindingVulnerability(models.Model):
    """A vulnerability (CVE) that a finding names: `Vulnerabilities[]` of ASFF, `vulnerabilities` of
    OCSF."""

    finding = models.ForeignKey(
        Finding, on_delete=models.CASCADE, related_name="vulnerabilities", db_index=False
    )
    cve = models.CharField(max_length=32)
    # None where the finding does not say.
    has_fix = models.BooleanField(null=True)
    has_exploit = models.BooleanField(null=True)
    epss = models.DecimalField(max_digits=6, decimal_places=5, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["finding", "cve"], name="findings_findingvulnerability_unique"
            )
        ]
        # New facts about a CVE change the clocks of the findings that name it.
        indexes = [models.Index(fields=["cve"], name="findings_findingvuln_cve")]

    def __str__(self) -> str:
        return f"{self.cve} in {self.finding_id}"


class KnownVulnerability(models.Model):
    """What CISA says of a CVE: the KEV catalogue, and Vulnrichment's SSVC decision points.

    None where the imported files do not say (kpis 3.7, K26 says what stands in for it).
    """

    cve = models.CharField(max_length=32, primary_key=True)
    is_exploited = models.BooleanField(default=False)  # in the KEV catalogue
    is_automatable = models.BooleanField(null=True)
    has_total_impact = models.BooleanField(null=True)
    kev_added_on = models.DateField(null=True)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.cve
