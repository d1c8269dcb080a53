"""Judging: facts in, one verdict out. Pure, one function per check."""
