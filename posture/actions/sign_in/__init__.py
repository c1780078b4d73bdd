"""Signing in with what Parapet itself keeps: passwords, passkeys, authenticator apps."""
