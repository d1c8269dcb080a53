"""The admin's own tables: tries at a login, and counts of what ended, kept for the front page."""

from django.db import models
from django.db.models.functions import Now


class LoginTries(models.Model):
    """How often a login was tried under a key since `since`. The key is a digest."""

    key = models.BinaryField(primary_key=True)
    tries = models.IntegerField()
    since = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "console_login_tries"


class OutcomeSlice(models.Model):
    """A slice of time that is over and counted: its outcomes will not change any more."""

    begins_at = models.DateTimeField(primary_key=True)

    class Meta:
        db_table = "console_outcome_slices"


class OutcomeCount(models.Model):
    """How many deliveries ended so within one slice. `failure_code` is "" where there is none."""

    pk = models.CompositePrimaryKey("begins_at", "status", "failure_code")
    begins_at = models.DateTimeField()
    status = models.TextField()
    failure_code = models.TextField()
    deliveries = models.BigIntegerField()

    class Meta:
        db_table = "console_outcome_counts"
