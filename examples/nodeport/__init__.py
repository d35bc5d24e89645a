"""Node ports: which address answers from outside, and whom the Pod sees."""
