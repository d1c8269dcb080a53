"""The read-only admin: lists, one page per delivery, and a front page: "is it healthy?".

An application of its own, installed only where `MAIL_ADMIN_ENABLED` says so. It is not called
`admin`: Django's autodiscovery gives a submodule of that name in any application a meaning.
"""
