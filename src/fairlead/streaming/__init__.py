"""The streaming protocols of ``kubectl exec``, ``attach``, ``port-forward`` and ``logs``: bytes in, events out."""
