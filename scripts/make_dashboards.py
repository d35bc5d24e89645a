"""Writes the Grafana dashboards of ``deploy/monitoring/dashboards`` from a table of the metrics that there are."""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

_KUBERNETES, _SYNC = "coredns_kubernetes_dns", "kubeproxy_sync_proxy_rules"
TARGET = Path(__file__).parents[1] / "deploy" / "monitoring" / "dashboards"


class Panel(NamedTuple):
    """One graph: its title, what is shown with the name of each line, and the unit as Grafana calls it."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"


def _quantiles(metric: str, by: str = "") -> tuple[tuple[str, str], ...]:
    labels = f"le, {by}" if by else "le"
    name = f" {{{{{by}}}}}" if by else ""
    rate = f'rate({metric}_bucket{{job=~"$job"}}[$__rate_interval])'
    return tuple(
        (f"histogram_quantile({q}, sum by ({labels}) ({rate}))", f"p{round(q * 100)}{name}") for q in (0.5, 0.9, 0.99)
    )


def _rate(metric: str, by: str) -> tuple[tuple[str, str], ...]:
    return ((f'sum by ({by}) (rate({metric}{{job=~"$job"}}[$__rate_interval]))', f"{{{{{by}}}}}"),)


def _value(metric: str, by: str) -> tuple[tuple[str, str], ...]:
    return ((f'max by ({by}) ({metric}{{job=~"$job"}})', " ".join(f"{{{{{label}}}}}" for label in by.split(", "))),)


DASHBOARDS: dict[str, tuple[str, str, tuple[Panel, ...]]] = {
    "dns": (
        "Fairlead DNS",
        "fairlead-dns",
        (
            Panel("Queries", _rate("coredns_dns_requests_total", "type"), "reqps"),
            Panel("Replies by code", _rate("coredns_dns_responses_total", "rcode"), "reqps"),
            Panel("Time per reply", _quantiles("coredns_dns_request_duration_seconds"), "s"),
            Panel(
                "From a change to its records", _quantiles("coredns_kubernetes_dns_programming_duration_seconds"), "s"
            ),
            Panel("Cache hits", _rate("coredns_cache_hits_total", "type"), "reqps"),
            Panel("Time of upstream servers", _quantiles("coredns_proxy_request_duration_seconds"), "s"),
            Panel("Upstream servers unhealthy", _rate("coredns_proxy_healthcheck_failures_total", "to")),
            Panel("Objects known", _value("fairlead_dns_objects", "kind")),
            Panel("Age of each watch", _value("fairlead_dns_watch_age_seconds", "pod, kind"), "s"),
            Panel("Replies kept ready", _value("fairlead_dns_prepared_replies", "pod")),
            Panel("Replies not sent", _rate("fairlead_dns_lost_replies_total", "pod")),
            Panel("Configurations refused", _rate("coredns_reload_failed_total", "pod")),
        ),
    ),
    "proxy": (
        "Fairlead node proxy",
        "fairlead-proxy",
        (
            Panel("From a change to its rules", _quantiles("kubeproxy_network_programming_duration_seconds"), "s"),
            Panel("Time of a sync", _quantiles("kubeproxy_sync_proxy_rules_duration_seconds", "ip_family"), "s"),
            Panel("Syncs of changes", _quantiles("kubeproxy_sync_partial_proxy_rules_duration_seconds"), "s"),
            Panel("Syncs of whole tables", _quantiles("kubeproxy_sync_full_proxy_rules_duration_seconds"), "s"),
            Panel("Changes of Services", _rate("kubeproxy_sync_proxy_rules_service_changes_total", "instance")),
            Panel("Changes of endpoints", _rate("kubeproxy_sync_proxy_rules_endpoint_changes_total", "instance")),
            Panel("Changes that wait", _value("kubeproxy_sync_proxy_rules_endpoint_changes_pending", "instance")),
            Panel("Services refused", _value("kubeproxy_sync_proxy_rules_refused_services", "instance")),
            Panel(
                "Policy Local without endpoints",
                _value("kubeproxy_sync_proxy_rules_no_local_endpoints_total", "instance"),
            ),
            Panel("Rules changed by others", _rate("kubeproxy_sync_proxy_rules_foreign_changes_total", "instance")),
            Panel("Stale flows forgotten", _rate("kubeproxy_conntrack_reconciler_deleted_entries_total", "instance")),
            Panel("Answers on /healthz", _rate("kubeproxy_proxy_healthz_total", "code")),
        ),
    ),
    "controllers": (
        "Fairlead controllers and announcer",
        "fairlead-(controllers|announcer)",
        (
            Panel("Who leads", _value("leader_election_master_status", "name, pod")),
            Panel("Objects known", _value("fairlead_watch_objects", "pod, resource")),
            Panel("Age of each watch", _value("fairlead_watch_age_seconds", "pod, resource"), "s"),
            Panel("Watches that are dead", _value("fairlead_watch_dead_seconds", "pod, resource"), "s"),
        ),
    ),
}


def dashboard(name: str) -> dict[str, Any]:
    """One dashboard, as Grafana imports it."""
    title, job, panels = DASHBOARDS[name]
    return {
        "uid": f"fairlead-{name}",
        "title": title,
        "tags": ["fairlead"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [_data_source(), _job(job)]},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _data_source() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}


def _job(job: str) -> dict[str, Any]:
    chosen = {"text": job, "value": job}
    return {"name": "job", "type": "textbox", "query": job, "label": "Job", "current": chosen, "options": [chosen]}


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": source,
        "gridPos": {"x": number % 2 * 12, "y": number // 2 * 8, "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + i), "datasource": source, "expr": query, "legendFormat": legend}
            for i, (query, legend) in enumerate(panel.queries)
        ],
    }


def main() -> int:
    """Write the files, or with ``--check`` compare them."""
    wrong = 0
    for name in DASHBOARDS:
        path, text = TARGET / f"{name}.json", json.dumps(dashboard(name), indent=2) + "\n"
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{path.name} is not what scripts/make_dashboards.py makes")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
