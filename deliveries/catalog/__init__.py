"""Catalog: the templates, read and checked once at start-up, and their rendering."""
