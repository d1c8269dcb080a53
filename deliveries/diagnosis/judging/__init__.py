"""Judging: facts in, one verdict out. Pure, a function a check."""
