"""IAM reads about the account: its summary, the credential report, and the central management of root users.

A report is made once in four hours at most, and expires then; the first of a large account is not ready at once. Sources: IAM user guide, "Getting
credential reports", and the IAM API reference.
"""

import csv
import io
from collections.abc import Mapping
from typing import Any

from sandbox import chance
from sandbox.history import settings
from sandbox.moments import DAY, HOUR, datetime_of, seconds_of
from sandbox.org.accounts import AccountPlan
from sandbox.server.calls import Call, Handler
from sandbox.server.errors import ApiError
from sandbox.server.world import Moment

REPORT_HOLDS = 4 * HOUR
_NONE = "N/A"
_KEY_COLUMNS = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
_COLUMNS = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    *(f"access_key_{number}_{column}" for number in (1, 2) for column in _KEY_COLUMNS),
    *(f"cert_{number}_{column}" for number in (1, 2) for column in ("active", "last_rotated")),
)


class Reports:
    """The credential reports that were asked for: when, by the organisation's clock."""

    def __init__(self) -> None:
        self._started: dict[str, int] = {}
        self._asked: set[str] = set()
        self._made: set[str] = set()

    def handlers(self) -> dict[str, Handler]:
        """Give the handlers of the two operations."""
        return {"GenerateCredentialReport": self.generate, "GetCredentialReport": self.get}

    def generate(self, call: Call, moment: Moment) -> Mapping[str, Any]:
        """Begin a report, unless one is younger than four hours."""
        now, account_id = seconds_of(moment.now), call.account_id
        if self._is_fresh(account_id, now):
            return {"State": "INPROGRESS" if account_id not in self._asked else "COMPLETE"}
        self._started[account_id] = now
        self._asked.discard(account_id)
        return {
            "State": "STARTED",
            "Description": "No report exists. Starting a new report generation task",
        }

    def get(self, call: Call, moment: Moment) -> Mapping[str, Any]:
        """Give the report: not on the first question of all in a large account, and not after four hours.

        :raises ApiError: ReportNotPresent, ReportExpired or ReportInProgress
        """
        now, account_id = seconds_of(moment.now), call.account_id
        started = self._started.get(account_id)
        if started is None:
            raise ApiError("ReportNotPresent", "No report exists for the account.", status=410)
        if not self._is_fresh(account_id, now):
            raise ApiError("ReportExpired", "The report has expired.", status=410)
        plan = moment.plans[account_id]
        if account_id not in self._made and plan.seed % 12 == 0:
            self._made.add(account_id)
            raise ApiError("ReportInProgress", "The report is being generated.", status=404)
        self._asked.add(account_id)
        text = _report(moment, plan, started)
        return {
            "Content": text.encode(),
            "ReportFormat": "text/csv",
            "GeneratedTime": datetime_of(started),
        }

    def _is_fresh(self, account_id: str, now: int) -> bool:
        # A clock that was set back makes a report of the future, which is none.
        return 0 <= now - self._started.get(account_id, -REPORT_HOLDS) < REPORT_HOLDS


def _report(moment: Moment, plan: AccountPlan, now: int) -> str:
    out = io.StringIO()
    rows = csv.DictWriter(out, _COLUMNS, restval=_NONE, lineterminator="\n")
    rows.writeheader()
    root = settings.root_summary(moment.org, plan, now)
    rows.writerow(
        {
            "user": "<root_account>",
            "arn": f"arn:aws:iam::{plan.account_id}:root",
            "user_creation_time": _time(plan.joined_at),
            "password_enabled": "not_supported",
            "password_last_used": "no_information",
            "password_last_changed": "not_supported",
            "password_next_rotation": "not_supported",
            "mfa_active": _flag(bool(root["AccountMFAEnabled"])),
            "access_key_1_active": _flag(bool(root["AccountAccessKeysPresent"])),
            "access_key_2_active": "false",
            "cert_1_active": "false",
            "cert_2_active": "false",
        }
    )
    for user in settings.users(moment.org, plan, now):
        rows.writerow(_row(plan, user))
    return out.getvalue()


def _row(plan: AccountPlan, user: settings.User) -> dict[str, str]:
    row = {
        "user": user.name,
        "arn": f"arn:aws:iam::{plan.account_id}:user/{user.name}",
        "user_creation_time": _time(user.created_at),
        "password_enabled": _flag(user.has_password),
        "password_last_used": "no_information" if user.has_password else _NONE,
        "password_last_changed": _time(user.created_at) if user.has_password else _NONE,
        # Both spellings are in the wild.
        "mfa_active": _flag(user.has_mfa).upper() if plan.seed % 2 else _flag(user.has_mfa),
        "access_key_1_active": "false",
        "access_key_2_active": "false",
        "cert_1_active": "false",
        "cert_2_active": "false",
    }
    for place, rotated_at in enumerate(user.keys, start=1):
        row[f"access_key_{place}_active"] = "true"
        row[f"access_key_{place}_last_rotated"] = _time(rotated_at)
        used_at = rotated_at + DAY if chance.seed_of(user.name) % 2 else None
        row[f"access_key_{place}_last_used_date"] = _time(used_at) if used_at else _NONE
    return row


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _time(seconds: int) -> str:
    return datetime_of(seconds).isoformat()


def get_account_summary(call: Call, moment: Moment) -> Mapping[str, Any]:
    plan, now = moment.plans[call.account_id], seconds_of(moment.now)
    found = settings.users(moment.org, plan, now)
    numbers = {
        "Users": len(found),
        "UsersQuota": 5000,
        "Groups": 1 + plan.seed % 4,
        "Roles": settings.roles(moment.org, plan, now),
        "RolesQuota": 1000,
        "MFADevicesInUse": sum(user.has_mfa for user in found),
    }
    return {"SummaryMap": numbers | dict(settings.root_summary(moment.org, plan, now))}


def list_organizations_features(call: Call, moment: Moment) -> Mapping[str, Any]:
    """Answer the management account and the delegated administrator of IAM.

    :raises ApiError: for any other account
    """
    org = moment.org
    services = moment.services_of.get(call.account_id, ())
    if call.account_id != org.management_account_id and "iam.amazonaws.com" not in services:
        raise ApiError(
            "AccountNotManagementOrDelegatedAdministratorException",
            "The account is neither the management account nor a delegated administrator for IAM.",
        )
    return {
        "OrganizationId": org.organization_id,
        "EnabledFeatures": settings.root_features(org, seconds_of(moment.now)),
    }


HANDLERS: dict[str, Handler] = {
    "GetAccountSummary": get_account_summary,
    "ListOrganizationsFeatures": list_organizations_features,
}
