"""The operations of a user on a running lab."""
