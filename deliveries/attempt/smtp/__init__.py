"""The project's own SMTP client: small, blocking, one connection per thread. Imports no Django."""
