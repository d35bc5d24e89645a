"""EndpointSlices as JSON documents, as the API wants them written."""

from typing import Any

import msgspec

from fairlead.model.objects import EndpointSlice

API_VERSION = "discovery.k8s.io/v1"


def slice_document(slice_: EndpointSlice) -> dict[str, Any]:
    """The whole document of a slice. One without a name gets ``generateName`` from the Service it is labelled for.

    Lists are written even when empty: readers in other languages refuse null (the Python client does).
    """
    document: dict[str, Any] = msgspec.to_builtins(slice_)
    metadata = document["metadata"]
    if not slice_.name:
        service = slice_.service_key
        assert service is not None, "a slice without a name is always made for a Service"
        metadata["generateName"] = f"{service.name}-"
        metadata.pop("name")
    lists = {"endpoints": document.get("endpoints", []), "ports": document.get("ports", [])}
    return {
        "apiVersion": API_VERSION,
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": str(slice_.address_type),
        **lists,
    }
