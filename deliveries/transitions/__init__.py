"""Transitions: every change of state, one guarded SQL statement each. Nothing else writes it."""
