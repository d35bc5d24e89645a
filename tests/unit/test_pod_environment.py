"""What a container is told: its variables, its program, its files."""

import pytest

from fairlead.model.decode import decode
from fairlead.model.objects import Service
from fairlead.nodeagent.environment import Placement, VariableError, build_environment, expand, service_variables
from fairlead.nodeagent.files import ClusterDNS, hosts, own_files, resolv_conf
from fairlead.nodeagent.images import ImageError, Program, program_for
from fairlead.nodeagent.manifest import Container, RunPod, port_number
from fairlead.nodeagent.volumes import VolumeError, mounts_of

PLACE = Placement("node-1", "192.168.64.11", "10.244.1.7")
DNS = ClusterDNS()


def pod(spec: dict | None = None, **metadata) -> RunPod:
    document = {"metadata": {"name": "web-0", "namespace": "shop", "uid": "u-1", **metadata}, "spec": spec or {}}
    return decode(RunPod, document)


def container(**fields) -> Container:
    made = pod({"containers": [{"name": "main", **fields}]})
    return made.spec.containers[0]


def service(name: str, namespace: str = "shop", ip: str = "10.96.3.4", *ports: dict) -> Service:
    spec = {"clusterIP": ip, "ports": list(ports) or [{"port": 80}]}
    return decode(Service, {"metadata": {"name": name, "namespace": namespace}, "spec": spec})


class TestPrograms:
    @pytest.mark.parametrize(
        ("fields", "mapped", "expected"),
        [
            ({"image": "anything", "command": ["a"], "args": ["b"]}, {}, Program(None, ("a", "b"))),
            ({"image": "busybox"}, {}, Program(None, ("sh",))),
            ({"image": "busybox:1.36", "args": ["-c", "true"]}, {}, Program(None, ("sh", "-c", "true"))),
            ({"image": "fairlead/echo"}, {}, Program("fairlead/echo", ())),
            ({"image": "fairlead/echo:v1"}, {}, Program("fairlead/echo", ())),
            ({"image": "fairlead/echo", "command": ["true"]}, {}, Program(None, ("true",))),
            ({"image": "postgres:16"}, {"postgres*": "pg -D '/my data'"}, Program(None, ("pg", "-D", "/my data"))),
            ({"image": "registry:5000/a/b:1"}, {"registry:5000/*": "b"}, Program(None, ("b",))),
            ({"image": "busybox"}, {"busybox": "busybox sh"}, Program(None, ("busybox", "sh"))),
        ],
    )
    def test_command_and_args_replace_and_follow_the_image_s(self, fields, mapped, expected):
        assert program_for(container(**fields), mapped) == expected

    def test_an_unknown_image_says_how_to_map_it(self):
        with pytest.raises(ImageError, match=r"--image 'nginx=COMMAND'") as refusal:
            program_for(container(image="nginx:1.27@sha256:00"), {})
        assert refusal.value.reason == "ErrImageNeverPull"


class TestVariables:
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
        environment = build_environment(container(), pod({"enableServiceLinks": links}), PLACE, services)
        assert {name for name in environment if name.endswith("_SERVICE_HOST")} == expected

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
        environment = build_environment(container(env=env), pod(), PLACE, [])
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
        ],
    )
    def test_the_downward_api(self, path, expected):
        env = [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}]
        environment = build_environment(container(env=env), pod(labels={"app.x/y": "web"}), PLACE, [])
        assert environment["X"] == expected

    @pytest.mark.parametrize(
        "source", [{"fieldRef": {"fieldPath": "spec.colour"}}, {"secretKeyRef": {"name": "a", "key": "b"}}]
    )
    def test_a_source_that_there_is_not(self, source):
        with pytest.raises(VariableError, match="X") as refusal:
            build_environment(container(env=[{"name": "X", "valueFrom": source}]), pod(), PLACE, [])
        assert refusal.value.reason == "CreateContainerConfigError"


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
        ],
    )
    def test_resolv_conf_follows_the_dns_policy(self, spec, expected):
        assert resolv_conf(pod(spec), DNS) == expected
        assert ("/etc/resolv.conf" in own_files(pod(spec), "10.244.1.7", DNS)) == (expected is not None)

    @pytest.mark.parametrize(
        ("spec", "line"),
        [
            ({}, "10.244.1.7\tweb-0\n"),
            ({"hostname": "db"}, "10.244.1.7\tdb\n"),
            ({"hostname": "db", "subdomain": "set"}, "10.244.1.7\tdb.set.shop.svc.cluster.local db\n"),
            ({"hostAliases": [{"ip": "192.0.2.9", "hostnames": ["a", "b"]}]}, "192.0.2.9\ta b\n"),
        ],
    )
    def test_hosts_knows_the_pod_itself(self, spec, line):
        assert hosts(pod(spec), "10.244.1.7", DNS).endswith(line)

    def test_a_long_name_is_cut_to_a_host_name(self):
        assert pod(name="a" * 62 + ".b").hostname == "a" * 62


class TestMountsAndPorts:
    VOLUMES = {"volumes": [{"name": "code", "hostPath": {"path": "/srv"}}, {"name": "other"}]}

    def test_a_host_path(self):
        mounted = container(volumeMounts=[{"name": "code", "mountPath": "/mnt"}])
        assert mounts_of(mounted, pod(self.VOLUMES)) == {"/mnt": "/srv"}

    @pytest.mark.parametrize("name", ["other", "absent"])
    def test_what_cannot_be_mounted_is_named(self, name):
        with pytest.raises(VolumeError, match=name):
            mounts_of(container(volumeMounts=[{"name": name, "mountPath": "/mnt"}]), pod(self.VOLUMES))

    def test_ports_by_number_and_name(self):
        made = container(ports=[{"containerPort": 8080, "name": "http"}])
        assert (port_number(made, 1), port_number(made, "http"), port_number(made, "grpc")) == (1, 8080, None)
