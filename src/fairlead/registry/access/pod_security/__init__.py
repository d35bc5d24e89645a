"""Pod security standards: which Pods a namespace admits, by its ``pod-security.kubernetes.io`` labels."""
