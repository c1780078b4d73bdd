"""Where people leave for a provider, and where they come back."""

from django.urls import URLPattern, path

from posture.views.sign_in.providers import oidc, saml

addresses: list[URLPattern] = [
    path("sign-in/oidc/", oidc.start, name="oidc_sign_in"),
    path("sign-in/oidc/callback/", oidc.callback, name="oidc_callback"),
    path("sign-in/saml/", saml.start, name="saml_sign_in"),
    path("sign-in/saml/acs/", saml.receive, name="saml_acs"),
    path("sign-in/saml/finish/", saml.finish, name="saml_finish"),
    path("sign-in/saml/metadata/", saml.metadata, name="saml_metadata"),
]
