"""On which Node a Pod is to run: what is required, what is preferred, and how Pods are spread."""
