from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliveries", "0002_operation")]

    operations = [
        migrations.AddField("streamcursor", "entries_accounted", models.BigIntegerField(null=True)),
    ]
