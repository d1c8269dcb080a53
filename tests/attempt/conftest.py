"""What attempts are made of, in the database."""

from tests.transitions.deliveries import accept, begin, new, watched, worker

__all__ = ["accept", "begin", "new", "watched", "worker"]
