"""Sign-on at the province's identity provider (OpenID Connect)."""
