"""The lists: deliveries, attempts, dead letters, malformed commands.

Django's ModelAdmin and ChangeList with another way to turn the page: by key, with no count.
"""
