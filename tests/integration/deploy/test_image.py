"""The image: small, without a shell or a right to become root; each part starts from it, and a lab with the chart runs
from it."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.support.charts import CHART, REPOSITORY
from tests.support.helm import VERSIONS, Helm, HelmFailedError
from tests.support.labs import Lab, eventually
from tests.support.users import users

MOST_BYTES = 60_000_000
PROGRAMS = {
    "nft": ["/usr/sbin/nft", "--version"],
    "iptables-restore": ["/usr/sbin/iptables-restore", "--version"],
    "conntrack": ["/usr/sbin/conntrack", "--version"],
    "ip": ["/usr/bin/ip", "-V"],
}
MODULES = "ssl, sqlite3, ctypes, lzma, bz2, zoneinfo, re2, msgspec, httptools, cryptography.hazmat.bindings._rust"
CHART_VALUES = {
    "image": {"repository": "fairlead.test/fairlead", "tag": "built"},
    "announcer": {"enabled": True, "pools": ["192.0.2.0/24"]},
    "controllers": {"enabled": True, "only": ["dns-autoscaler"]},
}
RELEASE, SOON = "fairlead", "--timeout=300s"
PROXY = "daemonset/fairlead-proxy"
RUNNING = {
    PROXY: 2,
    "deployment/fairlead-dns": 2,
    "daemonset/fairlead-announcer": 2,
    "deployment/fairlead-controllers": 2,
}
NODES = ("192.168.64.11", "192.168.64.12")
NODE_PORT = 30080
REFUSED = 7  # curl's exit code for a connection that is refused; an unanswered one is 28
WEB = f"""
apiVersion: v1
kind: Pod
metadata: {{name: web, labels: {{app: web}}}}
spec: {{containers: [{{name: web, image: fairlead/echo}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{type: NodePort, selector: {{app: web}}, ports: [{{port: 80, nodePort: {NODE_PORT}}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: deserted}}
spec: {{selector: {{app: nobody}}, ports: [{{port: 80}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: client}}
spec: {{containers: [{{name: client, image: busybox, command: [sleep, infinity]}}]}}
"""


class Image:
    """An archive, and its files unpacked layer by layer."""

    def __init__(self, archive, folder):
        self.archive, self.root = archive, folder / "rootfs"
        with tarfile.open(archive) as outer:
            outer.extractall(folder / "layout", filter="data")
        self.layout = folder / "layout"
        (self.described,) = json.loads((self.layout / "index.json").read_text())["manifests"]
        self.manifest = json.loads(self.blob(self.described["digest"]))
        self.config = json.loads(self.blob(self.manifest["config"]["digest"]))
        for layer in self.manifest["layers"]:
            with tarfile.open(self.layout / "blobs" / "sha256" / layer["digest"].partition(":")[2]) as files:
                files.extractall(self.root, filter="tar")

    def blob(self, digest):
        return (self.layout / "blobs" / "sha256" / digest.partition(":")[2]).read_bytes()

    def run(self, *command):
        """Run a program of the image in it, as nobody."""
        inside = ["unshare", "--map-root-user", "chroot", self.root, *command]
        as_user = inside if os.geteuid() else ["chroot", "--userspec=65532:65532", self.root, *command]
        return subprocess.run(as_user, capture_output=True, text=True, timeout=60, check=False)


def build(target):
    # The builder compiles for the image's Python, so it runs on that version; coverage is measured with a newer one.
    python = sys.executable if sys.version_info[:2] == (3, 11) else REPOSITORY / ".venv" / "bin" / "python"
    command = [python, REPOSITORY / "scripts" / "image", target]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    return target


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    folder.chmod(0o755)
    for parent in folder.parents[:2]:
        parent.chmod(0o755)
    return Image(build(folder / "image.tar"), folder)


def test_the_image_is_small_and_its_blobs_have_their_digests(image):
    layers = image.manifest["layers"]
    assert sum(layer["size"] for layer in layers) < MOST_BYTES
    for blob in (image.layout / "blobs" / "sha256").iterdir():
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name


def test_skopeo_reads_it(image):
    command = ["skopeo", "inspect", f"oci-archive:{image.archive}"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert (found["Architecture"], found["Os"], len(found["Layers"])) == ("amd64", "linux", 3)
    assert found["Labels"]["org.opencontainers.image.title"] == "fairlead"


def test_the_image_runs_as_nobody_without_setuid_programs(image):
    assert image.config["config"]["User"] == "65532:65532"
    special = [p for p in image.root.rglob("*") if not p.is_symlink() and p.stat().st_mode & 0o6000]
    assert special == []
    assert not any((image.root / "usr/bin" / name).exists() for name in ("sh", "bash", "dash", "apt", "dpkg"))


def test_the_image_contains_no_path_of_its_build(image):
    texts = [p for p in image.root.rglob("*") if p.is_file() and not p.is_symlink() and p.stat().st_size < 1_000_000]
    assert [p for p in texts if str(REPOSITORY).encode() in p.read_bytes()] == []


@pytest.mark.parametrize("part", ["dns", "proxy", "announcer", "controllers", "explain"])
def test_each_part_starts_from_it(image, part):
    done = image.run(*image.config["config"]["Entrypoint"], part, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: fairlead {part}")


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_programs_that_write_rules_are_there_with_their_libraries(image, program):
    done = image.run(*PROGRAMS[program])
    assert done.returncode == 0, done.stderr


def test_modules_that_are_linked_with_libraries_can_be_imported(image):
    done = image.run("/usr/bin/python3.11", "-I", "-c", f"import {MODULES}")
    assert done.returncode == 0, done.stderr


def test_modules_are_compiled_ahead(image):
    package = Path("usr/local/lib/python3.11/dist-packages/fairlead")
    assert (image.root / package / "__pycache__" / "__init__.cpython-311.pyc").exists()


@pytest.mark.full
def test_the_same_packages_give_the_same_bytes(image, tmp_path):
    assert build(tmp_path / "again.tar").read_bytes() == image.archive.read_bytes()


@pytest.fixture(scope="module")
def lab(image):
    lab = Lab(users()[-1], "--nodes", "2", "--proxy-mode", "none")
    try:
        (lab.folder / "image.tar").write_bytes(image.archive.read_bytes())
        (lab.folder / "image.tar").chmod(0o644)
        name = "{repository}:{tag}".format(**CHART_VALUES["image"])
        lab.fairlead("image", "load", "--name", name, str(lab.folder / "image.tar"))
        lab.up()
        lab.kubectl("apply", "-f", "-", stdin=WEB)
        # What the chart has under the same names
        lab.kubectl("delete", "deployment,serviceaccount,role,rolebinding", "-n", "kube-system", "fairlead-dns")
        old_helm, _ = helms(lab)
        old_helm("install", RELEASE, CHART, "--values", values_of(lab), "--wait", SOON)
        yield lab
    finally:
        lab.close()


def helms(lab):
    """Helm's oldest and newest version: a release of one is the other's, too."""
    return Helm(lab, VERSIONS[0], "kube-system"), Helm(lab, VERSIONS[-1], "kube-system")


def values_of(lab):
    """A file of values for a lab whose nodes have no proxies of their own."""
    (server,) = lab.get("endpointslices", "-l", "kubernetes.io/service-name=kubernetes")["items"]
    (endpoint,), (port,) = server["endpoints"], server["ports"]
    proxy = {
        "enabled": True,
        "config": {"mode": "nftables"},
        "apiServer": f"https://{endpoint['addresses'][0]}:{port['port']}",
        # An ordinary user makes no file in this machine's /run, and this kernel's modules are loaded.
        "hostPaths": {"xtablesLock": str(lab.folder / "run" / "xtables.lock"), "modules": ""},
    }
    file = lab.folder / "values.json"
    file.write_text(json.dumps({**CHART_VALUES, "proxy": proxy}))
    return file


def test_every_part_runs_from_the_image(lab):
    for part, count in RUNNING.items():
        lab.kubectl("rollout", "status", "-n", "kube-system", part, "--timeout=100s")
        template = lab.get(part, "-n", "kube-system")["spec"]["selector"]["matchLabels"]
        selector = ",".join(f"{key}={value}" for key, value in template.items())
        pods = lab.get("pods", "-n", "kube-system", "-l", selector)["items"]
        assert len(pods) == count
        for pod in pods:
            (status,) = pod["status"]["containerStatuses"]
            assert status["ready"]
            assert "@sha256:" in status["imageID"], status


def test_its_name_servers_serve_the_lab(lab):
    def addresses():
        slices = lab.get("endpointslices", "-n", "kube-system", "-l", "kubernetes.io/service-name=kube-dns")["items"]
        return {ip for each in slices for endpoint in each["endpoints"] or () for ip in endpoint["addresses"]}

    pods = lab.get("pods", "-n", "kube-system", "-l", "k8s-app=kube-dns")["items"]
    assert eventually(lambda: addresses() == {pod["status"]["podIP"] for pod in pods})
    lab.kubectl("wait", "--for=condition=Ready", "pod/web", "pod/client", "--timeout=100s")
    assert "web" in eventually(lambda: lab.exec("client", "curl", "-s", "--max-time", "5", "http://web/"))
    eventually(lambda: lab.exec("client", "nslookup", "web.default.svc.cluster.local"))


@pytest.mark.parametrize("mode", ["nftables", pytest.param("iptables", marks=pytest.mark.full)])
def test_its_proxies_carry_connections_of_a_lab_that_has_no_others(lab, mode):
    if mode != "nftables":
        helms(lab)[0]("upgrade", RELEASE, CHART, "--reuse-values", "--set", f"proxy.config.mode={mode}", SOON)
        lab.kubectl("rollout", "restart", "-n", "kube-system", PROXY)
    lab.kubectl("rollout", "status", "-n", "kube-system", PROXY, "--timeout=100s")
    lab.kubectl("wait", "--for=condition=Ready", "pod/web", "pod/client", "--timeout=100s")
    assert [fetched(lab, f"http://{node}:10249/proxyMode") for node in NODES] == [mode, mode]
    virtual_ip, deserted = (lab.get("service", name)["spec"]["clusterIP"] for name in ("web", "deserted"))
    for address in (virtual_ip, *(f"{node}:{NODE_PORT}" for node in NODES)):
        assert fetched(lab, f"http://{address}/hostname").strip() == "web"
    assert eventually(lambda: curl(lab, f"http://{deserted}/").returncode == REFUSED)


def fetched(lab, url):
    return eventually(lambda: curl(lab, url).stdout)


def curl(lab, url):
    command = ("curl", "-s", "--max-time", "5", url)
    return lab.fairlead("exec", "--name", lab.name, "client", "--", *command, check=False)


def replicas(lab):
    return lab.get("deployment", "-n", "kube-system", "fairlead-dns")["spec"]["replicas"]


def test_helm_has_nothing_against_the_chart_and_shows_what_an_upgrade_would_do(lab):
    for helm in helms(lab):
        assert "0 chart(s) failed" in helm("lint", CHART, "--strict", "--values", values_of(lab))
        more = ("--reuse-values", "--set", "dns.replicas=3", "--dry-run=server")
        assert "replicas: 3" in helm("upgrade", RELEASE, CHART, *more)
        with pytest.raises(HelmFailedError, match=r"replicas"):
            helm("upgrade", RELEASE, CHART, "--reuse-values", "--set", "dns.replicas=none")
    assert replicas(lab) == 2


def test_another_version_of_helm_upgrades_a_release_and_rolls_it_back(lab):
    _, helm = helms(lab)
    first = helm.json("status", RELEASE)["version"]
    helm("upgrade", RELEASE, CHART, "--reuse-values", "--set", "dns.replicas=3,explain.enabled=true", "--wait", SOON)
    assert replicas(lab) == 3
    assert helm.json("get", "values", RELEASE)["dns"] == {"replicas": 3}
    assert lab.get("clusterrole", "fairlead-explain")["rules"]
    helm("rollback", RELEASE, str(first), "--wait", SOON)
    assert replicas(lab) == 2
    assert "name: fairlead-explain" not in helm("get", "manifest", RELEASE)
    history = [(each["revision"], each["status"]) for each in helm.json("history", RELEASE)]
    assert history[-2:] == [(first + 1, "superseded"), (first + 2, "deployed")]


def test_an_uninstall_leaves_nothing_of_the_chart(lab):
    helms(lab)[1]("uninstall", RELEASE, "--wait", SOON)
    kinds = set(lab.kubectl("api-resources", "--verbs=list,delete", "-o", "name").stdout.split()) - {"events"}
    of_chart = (",".join(sorted(kinds)), "--all-namespaces", "-l", "app.kubernetes.io/part-of=fairlead")
    eventually(lambda: not lab.get(*of_chart)["items"])  # Pods go after what they belong to
