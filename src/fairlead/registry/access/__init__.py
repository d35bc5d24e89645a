"""Whether a request is allowed: authorization, admission and impersonation."""
