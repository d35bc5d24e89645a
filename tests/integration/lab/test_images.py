"""Containers of real images, each with its own root folder, in labs of root and of an ordinary user."""

import io
import os
import subprocess
import tarfile
from typing import Any

import pytest

from tests.support.image_archives import MadeImage, archive, entry
from tests.support.image_roots import busybox_root
from tests.support.labs import Lab, eventually
from tests.support.users import CHECKOUT, users

IMAGE, SERVER, STACKED = "test/box:1", "test/server:1", "test/stacked:1"
INDEX = "/srv/www/index.html"


def pod(name: str, container: dict | None = None, **spec: Any) -> dict:
    container = {"name": "main", "image": IMAGE, **(container or {})}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def server(name: str, **spec: Any) -> dict:
    """A web server that is ready while its index page is there."""
    page = {"httpGet": {"path": "/index.html", "port": 8080}, "timeoutSeconds": 30}
    probe = {**page, "periodSeconds": 1, "failureThreshold": 1}
    return pod(name, {"image": SERVER, "readinessProbe": probe}, **spec)


PODS = [
    pod("first"),
    pod("second"),
    pod("user", {"securityContext": {"runAsUser": 101}}),
    pod("number", {"securityContext": {"runAsUser": 4711, "runAsGroup": 12}}),
    pod("locked", {"securityContext": {"readOnlyRootFilesystem": True}}),
    pod("arguments", {"args": ["echo $0 $HOME $MODE; sleep 1000"]}),
    pod("own-command", {"command": ["sh", "-c", "pwd; env; exec sleep 1000"], "workingDir": "/made/here"}),
    pod(
        "volumes",
        {
            "volumeMounts": [
                {"name": "data", "mountPath": "/srv/link/data"},
                {"name": "one", "mountPath": "/etc/one.conf", "subPath": "one.conf"},
            ]
        },
        volumes=[{"name": "data", "emptyDir": {}}, {"name": "one", "configMap": {"name": "settings"}}],
    ),
    pod("mixed", initContainers=[{"name": "machine", "image": "busybox", "command": ["true"]}]),
    server("web-a"),
    server("web-b"),
    pod("stacked", {"image": STACKED}),
]


def load(lab: Lab, name: str, files: dict[str, str], *options: str) -> None:
    """An image of busybox and files, loaded as the lab's user."""
    root = busybox_root(lab.folder / name.replace("/", "-"), files)
    (root / "srv" / "link").symlink_to("/tmp")
    if lab.user.uid != os.geteuid():
        subprocess.run(["chown", "-R", f"{lab.user.uid}:{lab.user.uid}", str(root)], check=True)
    lab.fairlead("image", "load", f"rootfs:{root}", "--name", name, *options)


def load_stacked(lab: Lab) -> None:
    """An image with the same layer several times, more layers than fit into the kernel's page of options by their whole
    names, and words that mean nothing to a node."""
    root, file = busybox_root(lab.folder / "stacked"), io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.add(root, "")
    more = [archive(entry(f"srv/{number}", b"x")) for number in range(70)]
    config = {"User": "web:more", "Cmd": ["sleep", "1000"], "Healthcheck": {"Test": ["CMD", "false"]}, "OnBuild": None}
    made = MadeImage([archive(), file.getvalue(), archive(), *more, more[0], archive()], config=config)
    lab.fairlead("image", "load", str(made.write_archive(lab.folder / "stacked.tar", f"docker.io/{STACKED}")))


@pytest.fixture(scope="module", params=users(), ids=str)
def lab(request):
    lab = Lab(request.param, "--nodes", "1")
    try:
        shell = ("--entrypoint", "sh", "--entrypoint", "-c", "--cmd", "sleep 1000", "--env", "MODE=of-image")
        load(lab, IMAGE, {}, *shell, "--workdir", "/srv")
        serve = ("--cmd", "httpd", "--cmd", "-f", "--cmd", "-p", "--cmd", "8080", "--cmd", "-h", "--cmd", "/srv/www")
        load(lab, SERVER, {INDEX.lstrip("/"): "of the image\n"}, *serve)
        load_stacked(lab)
        lab.up()
        lab.kubectl("create", "configmap", "settings", "--from-literal=one.conf=one")
        lab.create(*PODS)
        lab.until_ready(*(each["metadata"]["name"] for each in PODS))
        yield lab
    finally:
        lab.close()


def inside(lab: Lab, name: str, script: str, check: bool = True) -> str:
    done = lab.fairlead("exec", "--name", lab.name, name, "--", "sh", "-c", script, check=check)
    return done.stdout if check else done.stdout + done.stderr


@pytest.mark.each_user
class TestItsOwnRoot:
    def test_no_file_of_the_machine_is_visible(self, lab):
        assert set(inside(lab, "first", "ls /").split()) == {
            *("bin", "dev", "etc", "proc", "root", "srv", "sys", "tmp", "var"),
            *(path.split("/")[0] for path in libraries(lab)),
        }
        for path in (str(CHECKOUT), str(lab.folder), "/usr/bin/python3", "/home", "/var/lib"):
            assert inside(lab, "first", f"ls -d {path}", check=False).endswith("No such file or directory\n"), path
        assert "/etc/passwd" in inside(lab, "first", "grep -l web /etc/passwd")

    def test_the_old_root_is_unreachable(self, lab):
        attacks = (
            "ls /proc/1/root/",
            "chroot /proc/1/root true",
            "cat /proc/1/environ",
            "mount -t tmpfs x /tmp",
            "umount /proc/sys",
            "umount -l /",
            "mknod /tmp/disk b 8 0",
            "echo x > /proc/sys/kernel/hostname",
            "echo x > /sys/kernel/uevent_helper",
        )
        tried = "; ".join(f"({attack}) >/dev/null 2>&1 && echo '{attack}'" for attack in attacks)
        assert inside(lab, "first", f"{tried}; echo all") == "all\n"
        assert "of the machine" not in inside(lab, "first", "cd /; cd ../../..; ls")
        roots = inside(lab, "first", "for p in /proc/[0-9]*; do ls $p/root/ 2>/dev/null; done; true")
        assert set(roots.split()) <= set(inside(lab, "first", "ls /").split())

    def test_writes_of_two_pods_to_one_path_are_separate(self, lab):
        for name in ("first", "second"):
            inside(lab, name, f"echo {name} > /etc/motd; echo {name} > /bin/new; rm /etc/group; mkdir -p /deep/{name}")
        for name in ("first", "second"):
            assert inside(lab, name, "cat /etc/motd /bin/new; ls /deep; ls /etc/group", check=False).startswith(
                f"{name}\n{name}\n{name}\n"
            )
        assert inside(lab, "locked", "ls /etc/group") == "/etc/group\n"
        store = lab.folder / ".local/share/fairlead/images/layers"
        assert not [path for path in store.rglob("*") if path.name in ("motd", "new", "deep")]

    def test_files_such_as_hosts_are_the_pods_own(self, lab):
        assert "search default.svc.cluster.local" in inside(lab, "first", "cat /etc/resolv.conf")
        assert inside(lab, "first", "hostname; cat /etc/hostname").split() == ["first", "first"]
        assert "nameserver" not in inside(lab, "first", "cat /etc/hosts")
        assert "KUBERNETES_SERVICE_HOST" in inside(lab, "first", "env")
        assert "token" in inside(lab, "first", "ls /var/run/secrets/kubernetes.io/serviceaccount")

    def test_a_root_that_is_read_only(self, lab):
        assert "Read-only file system" in inside(lab, "locked", "touch /x", check=False)
        assert "Read-only file system" in inside(lab, "locked", "touch /etc/x", check=False)
        assert inside(lab, "locked", "touch /dev/shm/x && echo done") == "done\n"

    def test_volumes_lie_within(self, lab):
        assert inside(lab, "volumes", "cat /etc/one.conf; touch /tmp/data/x; ls /srv/link/data") == "onex\n"
        assert "Read-only" in inside(lab, "volumes", "echo y > /etc/one.conf", check=False)

    def test_layers_that_come_again_and_many_of_them(self, lab):
        assert inside(lab, "stacked", "ls /srv | grep -c .") == "70\n"
        assert lab.kubectl("exec", "stacked", "--", "id").stdout == "uid=101(web) gid=103(more)\n"

    def test_a_container_of_the_machine_beside_it(self, lab):
        assert "python" not in inside(lab, "mixed", "ls /usr 2>/dev/null || true")


def libraries(lab: Lab) -> list[str]:
    """Folders that busybox's libraries bring, if it is not static."""
    root = lab.folder / "test-box:1"
    return [path.name for path in root.iterdir()]


class TestWhatRuns:
    @pytest.mark.each_user
    def test_a_container_runs_as_the_user_of_its_image(self, lab):
        assert inside(lab, "first", "id").startswith("uid=0(root) gid=0")
        of_user = inside(lab, "user", "id; echo $HOME; cat /etc/passwd | grep -c web")
        assert of_user.startswith("uid=101(web) gid=102")
        assert of_user.split()[-2:] == ["/srv", "1"]
        assert ("groups=103" in of_user or ",103" in of_user) == (lab.user.uid == 0)
        assert inside(lab, "number", "id -u; id -g; grep 4711 /etc/passwd").split() == [
            *("4711", "12", "4711:x:4711:12:4711", "user:/:/sbin/nologin")
        ]

    def test_entrypoint_arguments_variables_and_folder(self, lab):
        assert eventually(lambda: lab.log("arguments")) == "sh /root of-image\n"
        eventually(lambda: "MODE=of-image" in lab.log("own-command").splitlines())
        assert lab.log("own-command").splitlines()[0] == "/made/here"
        assert lab.kubectl("exec", "first", "--", "pwd").stdout == "/srv\n"
        assert lab.fairlead("exec", "--name", lab.name, "first", "--", "pwd").stdout == "/srv\n"

    def test_only_the_images_programs_are_found(self, lab):
        for program in ("python3", "vi", "/usr/bin/env"):
            assert lab.kubectl("exec", "first", "--", program, check=False).returncode != 0
            done = lab.fairlead("exec", "--name", lab.name, "first", "--", program, check=False)
            assert done.returncode == 127, program

    def test_the_status_names_the_image_by_digest(self, lab):
        status = lab.get("pod", "first")["status"]["containerStatuses"][0]
        assert status["image"] == IMAGE
        assert status["imageID"].startswith("sha256:")
        assert len(status["imageID"]) == 71

    def test_kubectl_copies_files(self, lab):
        (lab.folder / "sent").write_text("sent")
        lab.kubectl("cp", str(lab.folder / "sent"), "first:/srv/sent")
        lab.kubectl("cp", "first:/srv/sent", str(lab.folder / "received"))
        assert (lab.folder / "received").read_text() == "sent"

    def test_each_pod_moves_its_own_index_page_away(self, lab):
        def is_ready(name: str) -> bool:
            return lab.get("pod", name)["status"]["containerStatuses"][0]["ready"]

        assert is_ready("web-a")
        inside(lab, "web-a", f"mv {INDEX} /tmp/")
        eventually(lambda: not is_ready("web-a"))
        assert is_ready("web-b")
        assert inside(lab, "web-b", f"cat {INDEX}") == "of the image\n"
        inside(lab, "web-a", f"mv /tmp/index.html {INDEX}")
        eventually(lambda: is_ready("web-a"))

    def test_a_new_container_has_a_new_root(self, lab):
        inside(lab, "second", "touch /here; kill -9 $(ps | grep 'sleep 1000' | grep -v grep | head -n 1 | cut -c1-6)")
        eventually(lambda: lab.get("pod", "second")["status"]["containerStatuses"][0]["restartCount"] == 1)
        eventually(lambda: inside(lab, "second", "ls /here 2>/dev/null || echo gone").endswith("gone\n"))

    @pytest.mark.parametrize(
        ("image", "container", "reason", "message"),
        [
            ("Test/Box", {}, "InvalidImageName", "invalid reference format: repository name must be lowercase"),
            ("test/none:2", {}, "ErrImageNeverPull", "fairlead image pull test/none:2"),
            (SERVER, {"securityContext": {"runAsNonRoot": True}}, "CreateContainerConfigError", "runAsNonRoot"),
        ],
    )
    def test_containers_that_cannot_run_report_why(self, lab, image, container, reason, message):
        name = f"bad-{reason.lower()}"
        lab.create(pod(name, {"image": image, **container}))

        def waiting() -> Any:
            return lab.get("pod", name)["status"]["containerStatuses"][0]["state"]["waiting"]

        eventually(lambda: waiting()["reason"] == reason)
        assert message in waiting()["message"]
        lab.delete_pods(name)


class TestTheAgentIsKilled:
    def test_containers_go_on_and_commands_run_in_them(self, lab):
        node = lab.get("pod", "user")["spec"]["nodeName"]
        inside(lab, "user", "touch /tmp/before")
        before = lab.get("pod", "user")["status"]["containerStatuses"][0]
        lab.kill(_agent(lab, node))
        eventually(lambda: lab.kubectl("exec", "user", "--", "ls", "/tmp/before", check=False).returncode == 0)
        after = lab.get("pod", "user")["status"]["containerStatuses"][0]
        assert (after["imageID"], after["restartCount"]) == (before["imageID"], 0)
        assert lab.kubectl("exec", "user", "--", "vi", check=False).returncode != 0


def _agent(lab: Lab, node: str) -> int:
    return next(pid for name, pid in lab.component_pids().items() if node in name and "proxy" not in name)
