"""The project's own SMTP client: small, blocking, one connection a thread. Imports no Django."""
