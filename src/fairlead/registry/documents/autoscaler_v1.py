"""HorizontalPodAutoscalers in two versions: autoscaling/v2, which is stored, and autoscaling/v1. The latter has a field
only for CPU use, and all other metrics in annotations.

Upstream: ``pkg/apis/autoscaling/v1/conversion.go``.
"""

from typing import Any

import msgspec

from fairlead.model.document import Doc

_PREFIX = "autoscaling.alpha.kubernetes.io/"
METRICS, BEHAVIOR = f"{_PREFIX}metrics", f"{_PREFIX}behavior"
CONDITIONS, CURRENT = f"{_PREFIX}conditions", f"{_PREFIX}current-metrics"
_ANNOTATIONS = (METRICS, BEHAVIOR, CONDITIONS, CURRENT)
_V1, _V2 = "autoscaling/v1", "autoscaling/v2"


def to_v1(document: bytes) -> bytes:
    """A stored autoscaler as autoscaling/v1 shows it."""
    parsed: Doc = msgspec.json.decode(document)
    spec, status = dict(parsed.get("spec") or {}), dict(parsed.get("status") or {})
    said: dict[str, Any] = {}
    cpu, said[METRICS] = _split(spec.pop("metrics", None) or [], "target")
    if cpu is not None:
        spec["targetCPUUtilizationPercentage"] = cpu
    said[BEHAVIOR] = spec.pop("behavior", None)
    now, said[CURRENT] = _split(status.pop("currentMetrics", None) or [], "current")
    if now is not None:
        status["currentCPUUtilizationPercentage"] = now
    said[CONDITIONS] = status.pop("conditions", None)
    metadata = _annotated(parsed["metadata"], {key: value for key, value in said.items() if value})
    shown = {**parsed, "apiVersion": _V1, "metadata": metadata, "spec": spec}
    return msgspec.json.encode({**shown, "status": status} if "status" in parsed else shown)


def from_v1(document: Doc) -> Doc:
    """An autoscaling/v1 document as it is stored."""
    metadata, spec, status = ({**(document.get(part) or {})} for part in ("metadata", "spec", "status"))
    annotations = dict(metadata.get("annotations") or {})
    said = {key: _parsed(annotations.pop(key)) for key in _ANNOTATIONS if key in annotations}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    metrics = [*(said.get(METRICS) or []), *_of_cpu(spec.pop("targetCPUUtilizationPercentage", None), "target")]
    if metrics:
        spec["metrics"] = metrics
    if said.get(BEHAVIOR):
        spec["behavior"] = said[BEHAVIOR]
    current = [*(said.get(CURRENT) or []), *_of_cpu(status.pop("currentCPUUtilizationPercentage", None), "current")]
    if current:
        status["currentMetrics"] = current
    if said.get(CONDITIONS):
        status["conditions"] = said[CONDITIONS]
    stored = {**document, "apiVersion": _V2, "metadata": metadata, "spec": spec}
    return {**stored, "status": status} if "status" in document or status else stored


def _split(metrics: list[Doc], field: str) -> tuple[int | None, list[Doc]]:
    """The use of processors, in per cent, and all other metrics."""
    used, others = None, []
    for metric in metrics:
        source = metric.get("resource") or {}
        value = (source.get(field) or {}).get("averageUtilization")
        if used is None and metric.get("type") == "Resource" and source.get("name") == "cpu" and value is not None:
            used = value
        else:
            others.append(metric)
    return used, others


def _of_cpu(percent: int | None, field: str) -> list[Doc]:
    if percent is None:
        return []
    value = {"averageUtilization": percent, **({"type": "Utilization"} if field == "target" else {})}
    return [{"type": "Resource", "resource": {"name": "cpu", field: value}}]


def _annotated(metadata: Doc, said: dict[str, Any]) -> Doc:
    if not said:
        return metadata
    texts = {key: msgspec.json.encode(value).decode() for key, value in said.items()}
    return {**metadata, "annotations": {**(metadata.get("annotations") or {}), **texts}}


def _parsed(text: str) -> Any:
    """The content of an annotation; empty if it is no JSON, as in upstream."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
