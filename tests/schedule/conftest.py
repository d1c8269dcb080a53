"""Deliveries for the scheduler to hand out and to recover."""

from tests.transitions.deliveries import accept, begin, new, watched, worker

__all__ = ["accept", "begin", "new", "watched", "worker"]
