"""How people prove who they are: sign-in names, passwords, second factors, sessions, one-time links, tokens."""
