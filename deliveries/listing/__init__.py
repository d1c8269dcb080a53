"""What is read for people: pages of deliveries, attempts, dead letters and malformed commands.

Every list is newest first and paged by key: no count, no offset. Every read is bounded in time.
"""
