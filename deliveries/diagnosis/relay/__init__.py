"""A dialogue with the relay on the service's own SMTP client, up to the login. Sends no mail."""
