"""Passkeys: keys of people's own devices, which sign in without a password."""
