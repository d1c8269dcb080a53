"""The page of one delivery: what happened to it, to whom, and what it looks like."""
