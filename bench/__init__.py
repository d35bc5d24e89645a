"""Measurements, each a module with a ``main()`` that prints a table: ``python -m bench [NAME]``."""
