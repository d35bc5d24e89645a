"""A part of the API that another server answers: a test's own server behind a Service, used by a real kubectl."""

import base64
import json
import os
import subprocess

from tests.support.extension_server import GROUP, ExtensionServer
from tests.support.kubectls import UNCOLLECTED, kubectls
from tests.support.labs import eventually


def test_kubectl_uses_a_kind_of_another_server(lab, namespace, tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(lab.kubeconfig), **UNCOLLECTED}

    def kubectl(*arguments, text=None):
        command = [kubectls()[-1], *arguments]
        done = subprocess.run(command, input=text, env=environment, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    shown = json.loads(kubectl("get", "cm", "-n", "kube-system", "extension-apiserver-authentication", "-o", "json"))
    host = f"flavours.{namespace.name}.svc"
    extension = ExtensionServer(tmp_path / "pki", host, shown["data"]["requestheader-client-ca-file"])
    where = {"namespace": namespace.name, "name": "flavours", "port": 443}
    spec = {"group": GROUP, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10, "service": where}
    spec["caBundle"] = base64.b64encode(extension.authority).decode()
    service = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1.{GROUP}"},
        "spec": spec,
    }
    flavour = f"apiVersion: {GROUP}/v1\nkind: Flavour\nmetadata: {{name: vanilla, namespace: {namespace.name}}}"
    with extension.serving() as port, namespace.serve(port, "flavours", port=443):
        namespace.apply(service)
        try:
            kubectl("wait", "--for=condition=Available", f"apiservice/v1.{GROUP}", "--timeout=30s")
            assert "flavours" in kubectl("api-resources", f"--api-group={GROUP}")
            made = kubectl("create", "--validate=false", "-f", "-", text=flavour)
            assert made == f"flavour.{GROUP}/vanilla created\n"
            assert kubectl("get", "fl", "-n", namespace.name, "-o", "name") == f"flavour.{GROUP}/vanilla\n"
        finally:
            kubectl("delete", "apiservice", f"v1.{GROUP}")
    asked = next(each for each in extension.asked if each[0] == "POST")
    assert asked[2:] == (
        "kubernetes-admin",
        ["system:masters", "system:authenticated"],
        "kube-apiserver-kubelet-client",
    )
    eventually(lambda: GROUP not in kubectl("api-versions"))
