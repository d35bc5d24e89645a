"""What a user can ask of a running lab."""
