"""Inspector findings in ASFF: one vulnerability on one resource."""

from dataclasses import dataclass

from sandbox import chance
from sandbox.findings import native, resources
from sandbox.findings.native import Frame, Life
from sandbox.findings.resources import Place
from sandbox.model import Document


@dataclass(frozen=True, slots=True)
class Cve:
    """A published vulnerability. EPSS is a figure of the right size, not of a certain day."""

    cve_id: str
    package: str
    manager: str
    version: str
    fixed_in: str
    score: float
    epss: float
    has_exploit: bool
    summary: str


CVES = (
    Cve("CVE-2021-44228", "org.apache.logging.log4j:log4j-core", "JAR", "2.14.1", "2.17.1", 10.0, 0.944, True, "JNDI look-ups in log messages run remote code."),
    Cve("CVE-2022-22965", "org.springframework:spring-beans", "JAR", "5.3.17", "5.3.18", 9.8, 0.944, True, "Data binding lets a request run code on JDK 9 and later."),
    Cve("CVE-2023-38545", "curl", "OS", "8.2.1", "8.4.0", 9.8, 0.26, False, "A SOCKS5 handshake can overflow a heap buffer."),
    Cve("CVE-2023-4911", "glibc", "OS", "2.34", "2.34-60", 7.8, 0.62, True, "The dynamic loader overflows a buffer on GLIBC_TUNABLES."),
    Cve("CVE-2024-6387", "openssh-server", "OS", "8.7p1", "8.7p1-38", 8.1, 0.42, True, "A race in the signal handler of sshd may run code."),
    Cve("CVE-2024-3094", "xz-utils", "OS", "5.6.0", "5.6.1+really5.4.5", 10.0, 0.85, True, "Release archives carry a back door."),
    Cve("CVE-2023-44487", "golang.org/x/net", "GOBINARY", "0.15.0", "0.17.0", 7.5, 0.944, True, "Rapid stream resets of HTTP/2 exhaust a server."),
    Cve("CVE-2024-45337", "golang.org/x/crypto", "GOBINARY", "0.30.0", "0.31.0", 9.1, 0.19, False, "Public key callbacks of SSH may be misused to bypass authorization."),
    Cve("CVE-2022-40897", "setuptools", "PYTHONPKG", "65.4.1", "65.5.1", 5.9, 0.006, False, "A crafted package page slows the parser."),
    Cve("CVE-2023-32681", "requests", "PYTHONPKG", "2.30.0", "2.31.0", 6.1, 0.06, False, "Proxy credentials leak after a redirect."),
    Cve("CVE-2024-35195", "requests", "PYTHONPKG", "2.31.0", "2.32.0", 5.6, 0.002, False, "A session keeps certificate checks off after the first such request."),
    Cve("CVE-2024-37891", "urllib3", "PYTHONPKG", "2.2.1", "2.2.2", 4.4, 0.003, False, "Proxy headers are kept on a redirect to another host."),
    Cve("CVE-2021-23337", "lodash", "NODEPKG", "4.17.20", "4.17.21", 7.2, 0.01, True, "Templates can inject commands."),
    Cve("CVE-2022-25883", "semver", "NODEPKG", "7.5.1", "7.5.2", 7.5, 0.004, False, "A crafted range slows the parser."),
    Cve("CVE-2024-4068", "braces", "NODEPKG", "3.0.2", "3.0.3", 7.5, 0.002, False, "Unbalanced braces exhaust memory."),
    Cve("CVE-2024-21538", "cross-spawn", "NODEPKG", "7.0.3", "7.0.5", 7.5, 0.002, False, "A crafted argument slows the process."),
    Cve("CVE-2023-5363", "openssl", "OS", "3.0.8", "3.0.12", 7.5, 0.009, False, "Key and IV lengths may be processed wrongly."),
    Cve("CVE-2023-45853", "zlib", "OS", "1.2.13", "", 9.8, 0.008, False, "minizip overflows on long file names."),
    Cve("CVE-2022-3715", "bash", "OS", "5.1.8", "5.1.8-6", 7.8, 0.001, False, "Parameter transformation reads past the heap."),
    Cve("CVE-2024-2961", "glibc", "OS", "2.34", "2.34-100", 7.3, 0.93, True, "iconv overflows a buffer in ISO-2022-CN-EXT."),
    Cve("CVE-2022-0847", "kernel", "OS", "5.10.96", "5.10.102", 7.8, 0.82, True, "A pipe flag lets a process overwrite read-only files."),
    Cve("CVE-2024-1086", "kernel", "OS", "5.10.205", "5.10.209", 7.8, 0.86, True, "A use after free in nf_tables gives root."),
    Cve("CVE-2023-0286", "libssl1.1", "OS", "1.1.1n", "1.1.1t", 7.4, 0.88, False, "X.400 addresses are compared as another type."),
    Cve("CVE-2020-28500", "lodash", "NODEPKG", "4.17.20", "4.17.21", 5.3, 0.003, False, "Trimming a long text is slow."),
    Cve("CVE-2022-42889", "org.apache.commons:commons-text", "JAR", "1.9", "1.10.0", 9.8, 0.94, True, "Interpolation runs scripts and look-ups."),
    Cve("CVE-2021-33503", "urllib3", "PYTHONPKG", "1.26.4", "1.26.5", 7.5, 0.01, False, "A crafted authority slows the parser."),
)  # fmt: skip
_RESOURCES = ("AwsEc2Instance", "AwsEcrContainerImage", "AwsLambdaFunction")


def label_of(score: float) -> str:
    """Return the label of a CVSS 3 base score."""
    if score >= 9:
        return "CRITICAL"
    return "HIGH" if score >= 7 else "MEDIUM" if score >= 4 else "LOW"


def finding(place: Place, life: Life, seed: int) -> Document:
    """Return the Inspector finding with that seed."""
    cve = chance.pick(seed, 1, CVES)
    resource = _resource(place, seed, cve)
    finding_id = f"arn:aws:inspector2:{place.region}:{place.account_id}:finding/{chance.hexadecimal(seed, 32)}"
    document = native.document(
        Frame(
            product="inspector",
            product_name="Inspector",
            company="Amazon",
            finding_id=finding_id,
            generator_id="AWSInspector",
            types=["Software and Configuration Checks/Vulnerabilities/CVE"],
            severity=label_of(cve.score),
            title=f"{cve.cve_id} - {cve.package}",
            description=cve.summary,
        ),
        place,
        life,
        resource,
        {
            "aws/inspector/ProductVersion": "2",
            "aws/inspector/FindingStatus": "CLOSED" if life.is_archived else "ACTIVE",
            "aws/inspector/inspectorScore": str(cve.score),
        },
    )
    advice = (
        f"Update {cve.package} to {cve.fixed_in} or later." if cve.fixed_in else "None Provided"
    )
    document["Remediation"] = {"Recommendation": {"Text": advice}}
    document["Vulnerabilities"] = [_vulnerability(cve)]
    return document


def _resource(place: Place, seed: int, cve: Cve) -> Document:
    kind = _RESOURCES[0] if cve.manager == "OS" and seed % 3 else _RESOURCES[1 + seed % 2]
    if cve.manager == "OS" and kind == "AwsLambdaFunction":
        kind = "AwsEcrContainerImage"
    own = chance.mix(seed, 5) % 3 + chance.seed_of(place.account_id, kind)
    if kind != "AwsEcrContainerImage":
        return resources.resource(kind, place, own)
    digest = f"sha256:{chance.hexadecimal(own, 64)}"
    repository = resources.identifier("AwsEcrRepository", place, own)
    return {
        "Type": kind,
        "Id": f"{repository}/{digest}",
        "Partition": "aws",
        "Region": place.region,
        "Details": {
            kind: {
                "RegistryId": place.account_id,
                "RepositoryName": repository.partition("repository/")[2],
                "Architecture": "amd64",
                "ImageDigest": digest,
                "ImageTags": ["release"],
            }
        },
    }


def _vulnerability(cve: Cve) -> Document:
    package: Document = {
        "Name": cve.package,
        "Version": cve.version,
        "Epoch": "0",
        "Architecture": "X86_64",
        "PackageManager": cve.manager,
        "FixedInVersion": cve.fixed_in or "NotAvailable",
    }
    if cve.fixed_in and cve.manager == "OS":
        package["Remediation"] = f"dnf update {cve.package}"
    return {
        "Id": cve.cve_id,
        "VulnerablePackages": [package],
        "Cvss": [{"Version": "3.1", "BaseScore": cve.score, "Source": "NVD"}],
        "Vendor": {
            "Name": "NVD",
            "Url": f"https://nvd.nist.gov/vuln/detail/{cve.cve_id}",
            "VendorSeverity": label_of(cve.score),
        },
        "ReferenceUrls": [f"https://www.cve.org/CVERecord?id={cve.cve_id}"],
        "FixAvailable": "YES" if cve.fixed_in else "NO",
        "ExploitAvailable": "YES" if cve.has_exploit else "NO",
        "EpssScore": cve.epss,
    }
