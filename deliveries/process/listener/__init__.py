"""The web process after its start-up: gunicorn, as the service wants it."""
