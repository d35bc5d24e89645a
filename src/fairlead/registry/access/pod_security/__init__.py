"""Pod security standards: what Pods a namespace lets in, by its ``pod-security.kubernetes.io`` labels."""
