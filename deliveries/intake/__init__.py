"""Intake: a command comes in as bytes and is accepted, known already, or kept as malformed."""
