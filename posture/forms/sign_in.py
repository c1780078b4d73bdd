"""The forms at the door, in the house's words."""

from typing import Any

from allauth.account.forms import ChangePasswordForm as AllauthChangePasswordForm
from allauth.account.forms import LoginForm, ReauthenticateForm, ResetPasswordKeyForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.http import QueryDict

_NEW = "At least 12 characters, and none that everybody uses."


class SignInForm(LoginForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "User name"
        self.fields["password"].help_text = ""


class PasswordAgainForm(ReauthenticateForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""


class ChangePasswordForm(AllauthChangePasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = "Password until now"
        _name_new(self)


class NewPasswordForm(ResetPasswordKeyForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_new(self)


def _name_new(form: forms.Form) -> None:
    form.fields["password1"].label = "New password"
    form.fields["password1"].help_text = _NEW
    form.fields["password2"].label = "New password again"


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """Every passkey asks for a PIN or a finger, so that it is two factors by itself."""

    def __init__(self, *args: Any, data: QueryDict | None = None, **kwargs: Any) -> None:
        if data is not None:
            data = data.copy()
            data["passwordless"] = "on"
        super().__init__(*args, data=data, **kwargs)
        self.fields["name"] = _passkey_name(required=False)


class RenamePasskeyForm(EditWebAuthnForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"] = _passkey_name(required=True)


def _passkey_name(*, required: bool) -> forms.CharField:
    return forms.CharField(max_length=60, required=required, label="Name of this passkey")


class ForgottenForm(forms.Form):
    email = forms.EmailField(max_length=254, label="E-mail address")
