"""What attempts are made of, in the database: see tests/transitions."""

from tests.transitions.conftest import accept, begin, new, worker

__all__ = ["accept", "begin", "new", "worker"]
