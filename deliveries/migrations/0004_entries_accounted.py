from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0003_lists_of_malformed")]

    operations = [
        migrations.AddField("streamcursor", "entries_accounted", models.BigIntegerField(null=True)),
    ]
