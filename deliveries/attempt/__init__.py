"""Attempt: what was handed out is claimed, written as a message, and sent over SMTP."""
