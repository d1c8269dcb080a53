"""Outcome: what an attempt's result means, for the attempt and for its delivery."""
