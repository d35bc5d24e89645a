"""Kubernetes Services, whole: API, EndpointSlices, cluster DNS, node proxy, and where a packet goes and why."""

__version__ = "0.1.0"
