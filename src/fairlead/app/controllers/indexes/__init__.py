"""Indexes that several controllers share, kept up to date from the watches."""
