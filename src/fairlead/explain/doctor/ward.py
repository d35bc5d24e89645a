"""A cluster under examination, with the look-ups that several checks share."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from fairlead.explain.about.endpoints import endpoints_of, is_as_written
from fairlead.explain.candidates import NearMiss, SelectorCandidate, all_templates, near_misses, of_pod, one_of_each
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.references import ClientReference, references_of
from fairlead.explain.resolving import dns_service
from fairlead.model.labels import contains
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Endpoint, Pod, Service


@dataclass(frozen=True, eq=False)
class Ward:
    """A cluster, and values that are derived from it once."""

    cluster: Cluster
    _pods: dict[ObjectKey, list[Pod]] = field(default_factory=dict)
    _near: dict[ObjectKey, list[NearMiss]] = field(default_factory=dict)
    _labelled: dict[str, list[SelectorCandidate]] = field(default_factory=dict)  # by Namespace

    @cached_property
    def services(self) -> list[Service]:
        return sorted(self.cluster.snapshot.services.values(), key=lambda service: service.key)

    @cached_property
    def _templates(self) -> dict[str, list[SelectorCandidate]]:
        return all_templates(self.cluster)

    @cached_property
    def references(self) -> list[ClientReference]:
        """Every name, address and port in a client's manifest."""
        candidates = [
            of_pod(self.cluster, pod) for pod in sorted(self.cluster.snapshot.pods.values(), key=lambda p: p.key)
        ]
        templates = [t for group in self._templates.values() for t in group]
        return [reference for each in (*templates, *candidates) for reference in references_of(self.cluster, each)]

    @cached_property
    def dns_service(self) -> Service | None:
        """The Service that Pods ask for names."""
        return dns_service(self.cluster)

    def pods_behind(self, service: Service) -> list[Pod]:
        """The Pods that the selector matches and that can serve: neither finished nor terminating."""
        if service.key not in self._pods:
            self._pods[service.key] = self._pods_behind(service)
        return self._pods[service.key]

    def _pods_behind(self, service: Service) -> list[Pod]:
        pods = self.cluster.selected_pods(service.namespace, service.spec.selector or {})
        return [pod for pod in pods if not pod.is_finished and not pod.is_terminating]

    def templates_behind(self, service: Service) -> list[SelectorCandidate]:
        """The workloads whose Pods the selector matches."""
        selector = service.spec.selector or {}
        return [t for t in self._templates.get(service.namespace, []) if selector and contains(t.labels, selector)]

    def behind(self, service: Service) -> list[SelectorCandidate]:
        """The Pods of a Service, or the templates; those that nearly match if none does."""
        pods = [of_pod(self.cluster, pod) for pod in self.pods_behind(service)]
        return pods or self.templates_behind(service) or [miss.candidate for miss in self.near(service)[:1]]

    def near(self, service: Service) -> list[NearMiss]:
        """Candidates in the Service's Namespace that nearly match the selector, one for each set of labels."""
        if service.key not in self._near:
            self._near[service.key] = near_misses(service.spec.selector or {}, self.labelled_in(service.namespace))
        return self._near[service.key]

    def labelled_in(self, namespace: str) -> list[SelectorCandidate]:
        """One candidate of a Namespace for each set of labels."""
        if namespace not in self._labelled:
            self._labelled[namespace] = one_of_each(self._candidates_in(namespace))
        return self._labelled[namespace]

    def _candidates_in(self, namespace: str) -> Iterable[SelectorCandidate]:
        yield from (of_pod(self.cluster, p) for p in self.cluster.pods_in(namespace) if not p.is_finished)
        yield from self._templates.get(namespace, [])

    def endpoints(self, service: Service) -> list[Endpoint]:
        return endpoints_of(self.cluster, service)

    def has_ready_endpoint(self, service: Service) -> bool:
        return any(endpoint.is_ready for endpoint in self.endpoints(service))

    def is_running(self, pod: Pod) -> bool:
        """Whether a Pod is more than a manifest."""
        return not is_as_written(self.cluster, pod)


def ref_of(service: Service) -> Ref:
    """A Service as the subject of a finding."""
    return Ref("Service", service.namespace, service.name)


def harmed(*services: Service | ObjectKey) -> frozenset[tuple[str, str]]:
    """The Services that a finding affects."""
    keys = (s.key if isinstance(s, Service) else s for s in services)
    return frozenset((key.namespace, key.name) for key in keys)
