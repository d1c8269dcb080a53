"""Diagnosis: what an operator asks of the live system. It reads, and changes nothing.

`gathering` collects facts within bounded time, `judging` makes findings of them without any I/O,
`relay` holds a dialogue with the relay that sends no mail.
"""
