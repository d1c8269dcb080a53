from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("deliveries", "0002_lists_and_resends"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="malformedcommand",
            index=models.Index(
                models.F("id"),
                condition=models.Q(("raw_fields__isnull", False)),
                name="malformed_commands_raw_fields",
            ),
        ),
        migrations.AddIndex(
            model_name="malformedcommand",
            index=models.Index(models.F("stream_entry_id"), name="malformed_commands_entry"),
        ),
    ]
