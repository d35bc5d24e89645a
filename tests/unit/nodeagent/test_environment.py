"""A container's variables, program and files."""

from dataclasses import replace

import pytest

from fairlead.model.decode import decode
from fairlead.model.objects import Service
from fairlead.nodeagent import service_links
from fairlead.nodeagent.environment import (
    ContainerContext,
    PodPlacement,
    build_environment,
    declared_variables,
    expand,
    with_expanded_command,
)
from fairlead.nodeagent.files import ClusterDNS, hosts, own_files, resolv_conf
from fairlead.nodeagent.images import Image, ImageError, Program, program_for
from fairlead.nodeagent.manifest import Container, RunPod, port_number
from fairlead.nodeagent.service_links import ServiceLinks, service_variables
from fairlead.nodeagent.sources import CONFIG_MAP, SECRET, PodReference, SourceError, references
from fairlead.nodeagent.volumes import Mount, VolumeError, VolumeFile, check_volumes, mounts_of, volume_files

DATABASE = Image(("db",), ("serve",), {"HOME": "/db"})
PLACE = PodPlacement("node-1", ("192.168.64.11", "fd00::11"), ("10.244.1.7", "fd00:1::7"))
NODE_RESOLVER = "# a comment\nsearch a.test\nsearch b.test\nnameserver 192.0.2.53\noptions edns0 timeout:1\n"
DNS = ClusterDNS(of_node=NODE_RESOLVER)


def pod(spec: dict | None = None, **metadata) -> RunPod:
    document = {"metadata": {"name": "web-0", "namespace": "shop", "uid": "u-1", **metadata}, "spec": spec or {}}
    return decode(RunPod, document)


def container(**fields) -> Container:
    made = pod({"containers": [{"name": "main", **fields}]})
    return made.spec.containers[0]


def service(name: str, namespace: str = "shop", ip: str = "10.96.3.4", *ports: dict) -> Service:
    spec = {"clusterIP": ip, "ports": list(ports) or [{"port": 80}]}
    return decode(Service, {"metadata": {"name": name, "namespace": namespace}, "spec": spec})


SOURCES = {
    PodReference(CONFIG_MAP, "settings"): {"colour": b"blue"},
    PodReference(SECRET, "keys"): {"password": b"secret"},
}


def around(pod: RunPod, services=(), sources=None) -> ContainerContext:
    return ContainerContext(pod, PLACE, ServiceLinks(services).variables(pod), sources or {})


class TestPrograms:
    @pytest.mark.parametrize(
        ("fields", "mapped", "expected"),
        [
            ({"image": "anything", "command": ["a"], "args": ["b"]}, {}, Program(None, ("a", "b"))),
            ({"image": "busybox"}, {}, Program(None, ("sh",))),
            ({"image": "busybox:1.36", "args": ["nslookup", "web"]}, {}, Program(None, ("nslookup", "web"))),
            ({"image": "fairlead/echo"}, {}, Program("fairlead/echo", ())),
            ({"image": "fairlead/echo:v1"}, {}, Program("fairlead/echo", ())),
            ({"image": "fairlead/echo", "command": ["true"]}, {}, Program(None, ("true",))),
            ({"image": "docker.io/library/busybox:1.36"}, {}, Program(None, ("sh",))),
            ({"image": "registry.k8s.io/pause:3.9"}, {}, Program(None, ("sh", "-c", "exec sleep infinity"))),
            ({"image": "registry:5000/a/b:1"}, {"registry:5000/*": Image(("b",))}, Program(None, ("b",))),
            ({"image": "busybox"}, {"busybox": Image(("busybox", "sh"))}, Program(None, ("busybox", "sh"))),
            ({"image": "db:16"}, {"db": DATABASE}, Program(None, ("db", "serve"), {"HOME": "/db"})),
            ({"image": "db:16", "args": ["check"]}, {"db": DATABASE}, Program(None, ("db", "check"), {"HOME": "/db"})),
            ({"image": "db", "command": ["sh"]}, {"db": DATABASE}, Program(None, ("sh",), {"HOME": "/db"})),
            ({"image": "db:16"}, {"db:1?": Image(("new",)), "db*": DATABASE}, Program(None, ("new",))),
            ({"image": "fairlead/dns"}, {"*": Image(("sleep",))}, Program("fairlead/dns", ())),
            ({"image": "docker.io/fairlead/dns:v1"}, {"*": Image(("sleep",))}, Program("fairlead/dns", ())),
            ({"image": "fairlead/dns"}, {"fairlead/*": Image(("sleep",))}, Program(None, ("sleep",))),
            ({"image": "any"}, {"*": Image(("sleep",))}, Program(None, ("sleep",))),
            (
                {"image": "any", "command": ["real"], "args": ["-x"]},
                {"*": Image(("sleep",), ("5",), ignores_command=True)},
                Program(None, ("sleep", "5")),
            ),
        ],
    )
    def test_command_and_args_replace_and_follow_the_image_s(self, fields, mapped, expected):
        assert program_for(container(**fields), mapped) == expected

    def test_references_in_command_and_args_are_replaced(self):
        """As in variables: by what the container declares, and nothing else."""
        declared = container(
            command=["sh", "$(WHERE)/run", "$$(WHERE)", "$(PATH)"],
            args=["$(IP)", "$(NONE)", "$(WEB_SERVICE_HOST)"],
            env=[
                {"name": "WHERE", "value": "/srv"},
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            ],
        )
        variables = declared_variables(declared, around(pod(), [service("web")]))
        expanded = with_expanded_command(declared, variables)
        assert expanded.command == ("sh", "/srv/run", "$(WHERE)", "$(PATH)")
        assert expanded.args == (PLACE.pod_ips[0], "$(NONE)", variables["WEB_SERVICE_HOST"])

    @pytest.mark.parametrize("mapped", [{}, {"nginx": Image(env={"A": "b"})}])
    def test_an_unknown_image_says_how_to_map_it(self, mapped):
        with pytest.raises(ImageError, match=r"--image 'nginx=COMMAND'") as refusal:
            program_for(container(image="nginx:1.27@sha256:00"), mapped)
        assert refusal.value.reason == "ErrImageNeverPull"


class TestVariables:
    def test_variables_of_the_image_have_the_lowest_precedence(self):
        env = [{"name": "COLOUR", "value": "red"}]
        image = {"COLOUR": "blue", "PATH": "/image", "HOME": "/data", "WEB_SERVICE_HOST": "nowhere"}
        environment = build_environment(container(env=env), around(pod(), [service("web")]), image)
        assert {name: environment[name] for name in image} == {
            "COLOUR": "red",
            "PATH": "/image",
            "HOME": "/data",
            "WEB_SERVICE_HOST": "10.96.3.4",
        }

    def test_a_service_is_spelled_as_upstream_spells_it(self):
        ports = {"port": 80, "name": "http-main"}, {"port": 53, "protocol": "UDP"}
        assert service_variables([service("my-db", "shop", "10.96.3.4", *ports)]) == {
            "MY_DB_SERVICE_HOST": "10.96.3.4",
            "MY_DB_SERVICE_PORT": "80",
            "MY_DB_SERVICE_PORT_HTTP_MAIN": "80",
            "MY_DB_PORT": "tcp://10.96.3.4:80",
            "MY_DB_PORT_80_TCP": "tcp://10.96.3.4:80",
            "MY_DB_PORT_80_TCP_PROTO": "tcp",
            "MY_DB_PORT_80_TCP_PORT": "80",
            "MY_DB_PORT_80_TCP_ADDR": "10.96.3.4",
            "MY_DB_PORT_53_UDP": "udp://10.96.3.4:53",
            "MY_DB_PORT_53_UDP_PROTO": "udp",
            "MY_DB_PORT_53_UDP_PORT": "53",
            "MY_DB_PORT_53_UDP_ADDR": "10.96.3.4",
        }

    @pytest.mark.parametrize(
        ("links", "expected"),
        [(True, {"KUBERNETES_SERVICE_HOST", "CACHE_SERVICE_HOST"}), (False, {"KUBERNETES_SERVICE_HOST"})],
    )
    def test_links_are_to_the_api_server_and_to_the_own_namespace(self, links, expected):
        services = [
            service("kubernetes", "default", "10.96.0.1"),
            service("cache"),
            service("cache", "elsewhere"),
            service("headless", "shop", "None"),
        ]
        environment = build_environment(container(), around(pod({"enableServiceLinks": links}), services), {})
        assert {name for name in environment if name.endswith("_SERVICE_HOST")} == expected

    def test_a_service_called_as_the_api_server_takes_its_place_in_its_own_namespace(self):
        api_server = service("kubernetes", "default", "10.96.0.1")
        own, headless = service("kubernetes", "shop"), service("kubernetes", "elsewhere", "None")
        links = ServiceLinks([api_server, own, headless])
        assert links.variables(pod())["KUBERNETES_SERVICE_HOST"] == "10.96.3.4"
        assert links.variables(pod(namespace="elsewhere"))["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"

    def test_variables_are_worked_out_once_for_the_containers_between_two_changes_of_services(self, monkeypatch):
        worked_out = []
        monkeypatch.setattr(
            service_links, "service_variables", lambda them: worked_out.append([s.name for s in them]) or {}
        )
        cache, other = service("cache"), service("other", "elsewhere")
        links = ServiceLinks([cache, other])
        for change in [(None, service("web")), (cache, None), (other, None)]:
            links.change(*change)
            for _ in range(3):
                links.variables(pod())
        assert worked_out == [["cache", "web"], ["web"], ["web"]]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("plain", "plain"),
            ("$(A)-$(B)", "1-2"),
            ("$(MISSING)", "$(MISSING)"),
            ("$$(A)", "$(A)"),
            ("$A $", "$A $"),
            ("$(A", "$(A"),
        ],
    )
    def test_references_to_other_variables(self, text, expected):
        assert expand(text, {"A": "1", "B": "2"}) == expected

    def test_later_variables_see_earlier_ones(self):
        env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}, {"name": "A", "value": "$(B)3"}]
        environment = build_environment(container(env=env), around(pod()), {})
        assert (environment["A"], environment["B"]) == ("123", "12")

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("metadata.name", "web-0"),
            ("metadata.namespace", "shop"),
            ("metadata.uid", "u-1"),
            ("metadata.labels['app.x/y']", "web"),
            ("metadata.annotations['none']", ""),
            ("spec.nodeName", "node-1"),
            ("status.hostIP", "192.168.64.11"),
            ("status.podIP", "10.244.1.7"),
            ("status.hostIPs", "192.168.64.11,fd00::11"),
            ("status.podIPs", "10.244.1.7,fd00:1::7"),
        ],
    )
    def test_the_downward_api(self, path, expected):
        env = [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}]
        environment = build_environment(container(env=env), around(pod(labels={"app.x/y": "web"})), {})
        assert environment["X"] == expected

    @pytest.mark.parametrize(
        ("selector", "expected"),
        [
            ({"resource": "limits.cpu"}, "2"),
            ({"resource": "limits.cpu", "divisor": "1m"}, "1500"),
            ({"resource": "requests.cpu", "divisor": "0"}, "1"),
            ({"resource": "limits.memory"}, str(8 * 2**30)),
            ({"resource": "limits.memory", "divisor": "1Gi"}, "8"),
            ({"resource": "requests.memory"}, "0"),
            ({"resource": "limits.cpu", "containerName": "other"}, "4"),
        ],
    )
    def test_limits_as_variables_default_to_the_nodes_capacity(self, selector, expected):
        resources = {"limits": {"cpu": "1500m"}, "requests": {"cpu": "250m"}}
        made = pod({"containers": [{"name": "main", "resources": resources}, {"name": "other"}]})
        surroundings = replace(around(made), allocatable={"cpu": "4", "memory": "8388608Ki"})
        env = [{"name": "X", "valueFrom": {"resourceFieldRef": selector}}]
        assert build_environment(container(env=env), surroundings, {})["X"] == expected

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ({"fieldRef": {"fieldPath": "spec.colour"}}, "field 'spec.colour' is not one that a Pod can be told"),
            ({"secretKeyRef": {"name": "none", "key": "b"}}, 'secret "none" not found'),
            ({"secretKeyRef": {"name": "keys", "key": "b"}}, "couldn't find key b in secret shop/keys"),
            ({"resourceFieldRef": {"resource": "cpu"}}, "unsupported container resource : cpu"),
            ({"resourceFieldRef": {"resource": "limits.cpu", "containerName": "no"}}, "container no not found"),
            ({}, "the source of variable X"),
        ],
    )
    def test_a_missing_source(self, source, message):
        made = pod({"containers": [{"name": "main", "env": [{"name": "X", "valueFrom": source}]}]})
        with pytest.raises(SourceError, match=message) as refusal:
            build_environment(made.spec.containers[0], around(made, sources=SOURCES), {})
        assert refusal.value.reason == "CreateContainerConfigError"

    def test_variables_from_config_maps_and_secrets(self):
        made = container(
            envFrom=[{"prefix": "S_", "configMapRef": {"name": "settings"}}, {"secretRef": {"name": "keys"}}],
            env=[
                {"name": "ONE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}}},
                {"name": "NONE", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "y", "optional": True}}},
            ],
        )
        environment = build_environment(made, around(pod(), sources=SOURCES), {})
        assert {"S_colour": "blue", "password": "secret", "ONE": "blue"}.items() <= environment.items()
        assert "NONE" not in environment


class TestFiles:
    CLUSTER_FIRST = "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\n"
    CLUSTER_FIRST += "options ndots:5\n"

    @pytest.mark.parametrize(
        ("spec", "expected"),
        [
            ({}, CLUSTER_FIRST),
            ({"dnsPolicy": "Default"}, None),
            ({"hostNetwork": True}, None),
            ({"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, CLUSTER_FIRST),
            ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.1"]}}, "nameserver 192.0.2.1\n"),
            (
                {"dnsConfig": {"searches": ["x.test", "cluster.local"], "options": [{"name": "ndots", "value": "2"}]}},
                CLUSTER_FIRST.replace("\noptions ndots:5", " x.test\noptions ndots:2"),
            ),
            (
                {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.1"], "options": [{"name": "use-vc"}]}},
                "nameserver 192.0.2.1\noptions use-vc\n",
            ),
            (
                {"dnsPolicy": "Default", "dnsConfig": {"searches": ["x.test"], "options": [{"name": "use-vc"}]}},
                "nameserver 192.0.2.53\nsearch b.test x.test\noptions edns0 timeout:1 use-vc\n",
            ),
            (
                {"hostNetwork": True, "dnsConfig": {"nameservers": ["192.0.2.1"]}},
                "nameserver 192.0.2.53\nnameserver 192.0.2.1\nsearch b.test\noptions edns0 timeout:1\n",
            ),
            (
                {"dnsConfig": {"nameservers": ["192.0.2.1", "192.0.2.2", "192.0.2.3"]}},
                CLUSTER_FIRST.replace("\nsearch", "\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch"),
            ),
        ],
    )
    def test_resolv_conf_follows_the_dns_policy(self, spec, expected):
        assert resolv_conf(pod(spec), DNS) == expected
        assert ("/etc/resolv.conf" in own_files(pod(spec), ("10.244.1.7",), DNS)) == (expected is not None)

    @pytest.mark.parametrize(
        ("spec", "line"),
        [
            ({}, "10.244.1.7\tweb-0\n"),
            ({"hostname": "db"}, "10.244.1.7\tdb\n"),
            ({"hostname": "db", "subdomain": "set"}, "10.244.1.7\tdb.set.shop.svc.cluster.local db\n"),
            ({"hostNetwork": True, "nodeName": "node-1", "hostname": "db"}, "10.244.1.7\tnode-1\n"),
            ({"hostAliases": [{"ip": "192.0.2.9", "hostnames": ["a", "b"]}]}, "192.0.2.9\ta b\n"),
        ],
    )
    def test_hosts_knows_the_pod_itself(self, spec, line):
        assert hosts(pod(spec), ("10.244.1.7",), DNS).endswith(line)

    def test_hosts_knows_the_pod_by_each_of_its_addresses(self):
        assert hosts(pod({}), ("10.244.1.7", "fd00:1::7"), DNS).endswith("10.244.1.7\tweb-0\nfd00:1::7\tweb-0\n")

    def test_a_long_name_is_cut_to_a_host_name(self):
        assert pod(name="a" * 62 + ".b").hostname == "a" * 62


class TestVolumes:
    FIELD = {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}

    @pytest.mark.parametrize(
        ("volume", "files"),
        [
            ({"configMap": {"name": "settings"}}, {"colour": VolumeFile(b"blue")}),
            (
                {"configMap": {"name": "settings", "items": [{"key": "colour", "path": "a/b"}]}},
                {"a/b": VolumeFile(b"blue")},
            ),
            ({"configMap": {"name": "none", "optional": True}}, {}),
            ({"secret": {"secretName": "keys"}}, {"password": VolumeFile(b"secret")}),
            ({"secret": {"secretName": "keys", "defaultMode": 0o400}}, {"password": VolumeFile(b"secret", 0o400)}),
            (
                {"secret": {"secretName": "keys", "items": [{"key": "password", "path": "p", "mode": 0o600}]}},
                {"p": VolumeFile(b"secret", 0o600)},
            ),
            ({"downwardAPI": {"items": [FIELD]}}, {"name": VolumeFile(b"web-0")}),
            (
                {
                    "downwardAPI": {
                        "items": [
                            {"path": "m", "resourceFieldRef": {"containerName": "c", "resource": "limits.memory"}},
                        ]
                    }
                },
                {"m": VolumeFile(b"1024")},
            ),
            ({"downwardAPI": {"items": [{**FIELD, "mode": 0o440}]}}, {"name": VolumeFile(b"web-0", 0o440)}),
            (
                {"projected": {"sources": [{"secret": {"name": "keys"}}, {"downwardAPI": {"items": [FIELD]}}]}},
                {"password": VolumeFile(b"secret"), "name": VolumeFile(b"web-0")},
            ),
            (
                {"projected": {"defaultMode": 0o400, "sources": [{"secret": {"name": "keys"}}]}},
                {"password": VolumeFile(b"secret", 0o400)},
            ),
            ({"emptyDir": {}}, None),
            ({"hostPath": {"path": "/srv"}}, None),
        ],
    )
    def test_files(self, volume, files):
        limited = {"name": "c", "resources": {"limits": {"memory": "1Ki"}}}
        made = pod({"volumes": [{"name": "v", **volume}], "containers": [limited]})
        assert volume_files(made.spec.volumes[0], around(made, sources=SOURCES)) == files

    @pytest.mark.parametrize(
        ("volume", "message"),
        [
            ({"configMap": {"name": "none"}}, 'configmap "none" not found'),
            ({"configMap": {"name": "settings", "items": [{"key": "size", "path": "x"}]}}, "config key: size"),
        ],
    )
    def test_missing_sources_of_volumes(self, volume, message):
        made = pod({"volumes": [{"name": "v", **volume}]})
        with pytest.raises(SourceError, match=message):
            volume_files(made.spec.volumes[0], around(made, sources=SOURCES))

    def test_everything_that_a_pod_refers_to(self):
        made = pod(
            {
                "initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "a"}}]}],
                "containers": [
                    {"name": "c", "env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "b", "key": "k"}}}]}
                ],
                "volumes": [
                    {"name": "v", "projected": {"sources": [{"configMap": {"name": "d"}}]}},
                    {"name": "w", "secret": {"secretName": "e"}},
                    {"name": "x", "emptyDir": {}},
                ],
            }
        )
        assert references(made) == {
            PodReference(SECRET, "a"),
            PodReference(CONFIG_MAP, "b"),
            PodReference(CONFIG_MAP, "d"),
            PodReference(SECRET, "e"),
        }

    MOUNTED = {"volumes": [{"name": "code", "hostPath": {"path": "/srv"}}, {"name": "data", "emptyDir": {}}]}

    def test_outer_mounts_come_first(self):
        mounts = [
            {"name": "code", "mountPath": "/data/code/", "readOnly": True, "subPath": "a"},
            {"name": "data", "mountPath": "/data"},
        ]
        assert mounts_of(container(volumeMounts=mounts), pod(self.MOUNTED), {"data": "/run/v/data"}, {}) == [
            Mount("/run/v/data", "/data"),
            Mount("/srv", "/data/code", read_only=True, part="a"),
        ]

    def test_files_of_the_node_are_not_writable_for_pods(self):
        made = pod({"volumes": [{"name": "v", "configMap": {"name": "settings"}}]})
        mounts = mounts_of(container(volumeMounts=[{"name": "v", "mountPath": "/mnt"}]), made, {"v": "/run/v"}, {})
        assert mounts == [Mount("/run/v", "/mnt", read_only=True)]

    @pytest.mark.parametrize("name", ["data", "absent"])
    def test_volumes_that_cannot_be_mounted_are_named(self, name):
        with pytest.raises(VolumeError, match=name):
            mounts_of(container(volumeMounts=[{"name": name, "mountPath": "/mnt"}]), pod(self.MOUNTED), {}, {})

    @pytest.mark.parametrize("path", ["/dev", "/dev/", "/x/../dev"])
    def test_the_devices_of_a_container_are_its_own(self, path):
        with pytest.raises(VolumeError, match='volume "code" cannot be mounted at /dev'):
            mounts_of(container(volumeMounts=[{"name": "code", "mountPath": path}]), pod(self.MOUNTED), {}, {})

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("$(POD)/logs", "web-0/logs"),
            ("$$(POD)", "$(POD)"),
        ],
    )
    def test_a_part_may_be_named_after_variables(self, expression, expected):
        (mount,) = self.mounts_of_part(expression)
        assert (mount.source, mount.part) == ("/run/v/data", expected)

    @pytest.mark.parametrize(
        ("expression", "message"),
        [
            ("$(NONE)", "no variable NONE"),
            ("$(UP)", "must be a relative path without '..'"),
            ("$(ROOT)etc", "must be a relative path without '..'"),
        ],
    )
    def test_a_part_that_there_cannot_be(self, expression, message):
        with pytest.raises(SourceError, match=message):
            self.mounts_of_part(expression)

    def mounts_of_part(self, expression):
        made = container(volumeMounts=[{"name": "data", "mountPath": "/mnt", "subPathExpr": expression}])
        variables = {"POD": "web-0", "UP": "../x", "ROOT": "/"}
        return mounts_of(made, pod(self.MOUNTED), {"data": "/run/v/data"}, variables)

    def test_ports_by_number_and_name(self):
        made = container(ports=[{"containerPort": 8080, "name": "http"}])
        assert (port_number(made, 1), port_number(made, "http"), port_number(made, "grpc")) == (1, 8080, None)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, "web-0"),
        ({"hostname": "own"}, "own"),
        ({"hostNetwork": True, "nodeName": "node-1"}, "node-1"),
        ({"hostNetwork": True, "nodeName": "node-1", "hostnameOverride": "any.name"}, "any.name"),
        ({"hostname": "own", "hostnameOverride": "any.name"}, "any.name"),
    ],
)
def test_a_host_name_override_takes_precedence(spec, expected):
    assert pod(spec).hostname == expected


@pytest.mark.parametrize(
    "volume",
    [
        {"name": "v", "ephemeral": {"volumeClaimTemplate": {}}},
        {"name": "v", "image": {"reference": "x"}},
        {"name": "v", "nfs": {"server": "x", "path": "/"}},
        {"name": "v", "projected": {"sources": [{"clusterTrustBundle": {"name": "x", "path": "y"}}]}},
        {"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}, {"podCertificate": {"signerName": "x"}}]}},
    ],
)
def test_a_volume_that_is_not_provided_is_refused_even_where_nothing_mounts_it(volume):
    with pytest.raises(VolumeError, match='"v"') as refusal:
        check_volumes(pod({"volumes": [{"name": "good", "emptyDir": {}}, volume]}))
    assert refusal.value.reason == "ContainerCreating"
