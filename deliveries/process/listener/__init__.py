"""The web process after its start-up: gunicorn, as the service needs it."""
