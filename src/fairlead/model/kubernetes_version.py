"""The Kubernetes whose rules are followed: what the API server and the nodes call themselves."""

MAJOR, MINOR = "1", "36"
KUBERNETES = f"v{MAJOR}.{MINOR}.0"
SERVED = f"{KUBERNETES}+fairlead"
