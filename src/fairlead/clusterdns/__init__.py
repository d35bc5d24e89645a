"""Answers for names by the Kubernetes DNS specification 1.1.0: grammar, records, negative answers, message format."""
