"""The admin's own tables, and the indexes that only the admin reads.

Where the admin is off they are not there, and the sending does not pay for them. They are built
without keeping writers out, so that the admin can be turned on while mail flows; what a broken-off
build left behind is removed first.
"""

import django.db.models.functions.datetime
from django.db import migrations, models

INDEXES = {
    # read by lists.search, BY_TRACE
    "console_deliveries_trace": """
        deliveries (hashtextextended(substr(traceparent, 4, 32), 0))
        WHERE traceparent IS NOT NULL""",
    # read by health.outcomes
    "console_deliveries_finished_at": "deliveries (finished_at) WHERE finished_at IS NOT NULL",
    # read by lists.attempts, a status at a time; attempts that went well are not in it
    "console_attempts_troubled": """
        attempts (status, (id * -1))
        WHERE status IN ('provider_rejected', 'transport_failed', 'timed_out')""",
    # read by lists.malformed_commands
    "console_malformed_delivery_id": "malformed_commands (delivery_id)",
    "console_malformed_entry_id": "malformed_commands (stream_entry_id)",
}


def build(name: str, what: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        [f"DROP INDEX IF EXISTS {name}", f"CREATE INDEX CONCURRENTLY {name} ON {what}"],
        [f"DROP INDEX IF EXISTS {name}"],
    )


class Migration(migrations.Migration):
    atomic = False
    initial = True

    dependencies = [("deliveries", "0001_schema")]

    operations = [
        migrations.CreateModel(
            name="LoginTries",
            fields=[
                ("key", models.BinaryField(primary_key=True, serialize=False)),
                ("tries", models.IntegerField()),
                (
                    "since",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={"db_table": "console_login_tries"},
        ),
        migrations.CreateModel(
            name="OutcomeSlice",
            fields=[("begins_at", models.DateTimeField(primary_key=True, serialize=False))],
            options={"db_table": "console_outcome_slices"},
        ),
        migrations.CreateModel(
            name="OutcomeCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "begins_at",
                        "status",
                        "failure_code",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("begins_at", models.DateTimeField()),
                ("status", models.TextField()),
                ("failure_code", models.TextField()),
                ("deliveries", models.BigIntegerField()),
            ],
            options={"db_table": "console_outcome_counts"},
        ),
        *(build(name, what) for name, what in INDEXES.items()),
    ]
