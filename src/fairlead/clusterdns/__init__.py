"""What a name answers under the Kubernetes DNS specification 1.1.0: grammar, records, negative answers, wire format."""
