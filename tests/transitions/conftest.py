"""Deliveries in the states that the tests start from."""

from tests.transitions.deliveries import accept, begin, new, watched, worker

__all__ = ["accept", "begin", "new", "watched", "worker"]
