"""The Pods of an indexed Job: one for each index below ``completions``, which identifies its part of the work.

A number that has been completed stays so, even when its Pod is gone: the Job's status remembers it.
Upstream: ``pkg/controller/job/indexed_job_utils.go``.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby

from fairlead.model.document import Doc
from fairlead.model.objects import Pod
from fairlead.model.workloads import Job

INDEX = "batch.kubernetes.io/job-completion-index"  # label and annotation
VARIABLE = "JOB_COMPLETION_INDEX"


def is_indexed(job: Job) -> bool:
    return job.spec.completion_mode == "Indexed"


def index_of(pod: Pod) -> int | None:
    """The number that the Pod works on; None when it says none that there can be."""
    text = pod.annotations.get(INDEX, "")
    return int(text) if text.isascii() and text.isdigit() else None


def completed_indexes(job: Job, mine: Iterable[Pod]) -> frozenset[int]:
    """Every number whose work is done."""
    ended = {index_of(pod) for pod in mine if pod.status.phase == "Succeeded"}
    return frozenset(range(job.spec.completions or 0)) & ({*from_text(job.status.completed_indexes or "")} | ended)


def indexes_to_start(job: Job, done: Collection[int], active: Iterable[Pod], count: int) -> tuple[int, ...]:
    """The lowest indexes without a Pod."""
    taken = {*done, *(index_of(pod) for pod in active)}
    return tuple(number for number in range(job.spec.completions or 0) if number not in taken)[:count]


def surplus_pods(job: Job, done: Collection[int], active: Sequence[Pod]) -> list[Pod]:
    """Pods whose index is complete, out of range, or also that of another Pod."""
    open_ = set(range(job.spec.completions or 0)) - {*done}
    found = []
    for pod in active:
        if (index := index_of(pod)) in open_:
            open_.discard(index)
        else:
            found.append(pod)
    return found


def to_text(indexes: Iterable[int]) -> str:
    """Numbers as the status has them: ``1,3-5,7``."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(sorted(indexes)), lambda p: p[1] - p[0])]
    return ",".join(_run(run[0], run[-1]) for run in runs)


def _run(first: int, last: int) -> str:
    if last == first:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"


def from_text(text: str) -> Iterator[int]:
    """The numbers that a text such as ``1,3-5`` names."""
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def give_index(document: Doc, job: str, index: int) -> None:
    """Make a new Pod's document that of a number: by label, annotation, variable, name and host name."""
    metadata, spec = document["metadata"], document["spec"]
    metadata["generateName"] = f"{job}-{index}-"
    for field in ("labels", "annotations"):
        metadata[field] = {**metadata.get(field, {}), INDEX: str(index)}
    spec["hostname"] = f"{job}-{index}"
    for field in ("containers", "initContainers"):
        if field in spec:
            spec[field] = [_told(container) for container in spec[field]]


def _told(container: Doc) -> Doc:
    """The container with the variable, unless it has one of that name."""
    variables = container.get("env") or []
    if any(variable["name"] == VARIABLE for variable in variables):
        return container
    source = {"fieldRef": {"fieldPath": f"metadata.annotations['{INDEX}']"}}
    return {**container, "env": [*variables, {"name": VARIABLE, "valueFrom": source}]}
