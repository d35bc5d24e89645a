"""The Services of a subject: itself, those that select a Pod, the governing one of a StatefulSet."""

from collections.abc import Iterable

from fairlead.explain.about.pods import services_of
from fairlead.explain.cluster import Cluster
from fairlead.explain.documents import text
from fairlead.explain.subjects import NoSuchObject, Subject, SubjectError
from fairlead.model.names import ObjectKey
from fairlead.model.phrases import Phrase


def services_that_concern(cluster: Cluster, subject: Subject) -> Iterable[ObjectKey]:
    """The Services to examine for a subject.

    Raises:
        NoSuchObject: it is not there. SubjectError: nothing can be examined for its kind.
    """
    key = ObjectKey(subject.namespace, subject.name)
    if subject.kind == "Service":
        _must_be(subject, is_there=key in cluster.snapshot.services)
        return (key,)
    if subject.kind == "Pod":
        pod = cluster.snapshot.pods.get(key)
        _must_be(subject, is_there=pod is not None)
        return tuple(service.key for service in services_of(cluster, pod)) if pod else ()
    if subject.kind == "StatefulSet":
        document = cluster.document(*subject)
        _must_be(subject, is_there=document is not None)
        return (ObjectKey(subject.namespace, text(document, "spec", "serviceName")),)
    raise SubjectError(Phrase("{subject}: give a Service, a Pod or a StatefulSet", subject=subject))


def _must_be(subject: Subject, *, is_there: bool) -> None:
    if not is_there:
        raise NoSuchObject(Phrase("there is no {subject}{hint}", subject=subject, hint=""))
