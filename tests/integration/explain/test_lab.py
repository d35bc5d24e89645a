"""Explanations, traces and diagnoses of a running lab agree with the kernel."""

import io
import json
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from fairlead.cli.main import main
from tests.support.labs import FAIRLEAD, Lab, eventually
from tests.support.users import users

MANIFESTS = Path(__file__).with_name("lab.yaml")


@pytest.fixture(scope="module")
def lab():
    """A lab, as the commands of this process find it."""
    lab = Lab(users()[0], "-f", str(MANIFESTS))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_RUNTIME_DIR", lab.environment["XDG_RUNTIME_DIR"])
        try:
            lab.up()
            yield lab
        finally:
            lab.close()


def said(lab, *arguments):
    """What a command says, and its exit code; it runs in this process, which has loaded its modules."""
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output), pytest.raises(SystemExit) as ended:
        main([*arguments, "--name", lab.name])
    return output.getvalue(), ended.value.code


def address(lab, node):
    (found,) = [a["address"] for a in lab.get("node", node)["status"]["addresses"] if a["type"] == "InternalIP"]
    return found


def test_the_kernel_does_what_was_predicted_for_a_name(lab):
    shown = agree(lab, "--from", "pod/client", "--to", "web")
    assert "the kernel's own trace: the rules are those that were predicted" in shown


def agree(lab, *arguments):
    """Ask again while the kernel, which limits how many ICMP errors it sends, seems to drop what it refuses."""

    def agreed():
        shown, _ = said(lab, "trace", *arguments, "--live")
        assert "prediction and kernel agree" in shown, shown
        assert "DIFFER" not in shown, shown
        return shown

    return eventually(agreed, 60)


def test_the_kernel_does_what_was_predicted_for_a_node_port(lab):
    agree(lab, "--from", "outside", "--to", f"{address(lab, 'node-2')}:30081")  # policy Local, and no endpoint there


def test_the_rules_that_a_node_has_are_those_that_are_computed(lab):
    def traced(*extra):
        shown, code = said(lab, "trace", "--from", "pod/client", "--to", "web", *extra)
        assert code == 0, shown
        assert shown.count("with probability 0.500") == 2
        assert "0 not checked" in shown
        return True

    eventually(traced, 60)
    traced("--computed")


def test_the_doctor_finds_the_slip_and_nothing_else_and_its_fix_works(lab):
    def examined():
        """What is found once the lab has settled: a node or a Pod that was late is a finding, too."""
        shown, code = said(lab, "doctor", "-o", "json")
        document = json.loads(shown)
        found = [(f["code"], f["subject"]["name"]) for f in document["findings"]]
        assert found == [("selector-nothing", "slip"), ("local-policy-nowhere", "local")]
        assert code == 1
        return document

    document = eventually(examined, 60)
    fix = document["findings"][0]["fixes"][0]
    subprocess.run(["sh", "-c", f"export KUBECONFIG={lab.kubeconfig}; {fix}"], env=lab.environment, check=True)
    eventually(lambda: said(lab, "doctor", "svc/slip")[1] == 0, 60)


def test_a_fix_is_applied_after_asking(lab):
    patch = '{"spec":{"selector":{"app":"wbe"}}}'
    lab.kubectl("patch", "service", "slip", "--type", "merge", "-p", patch)

    def told(answer):
        command = lab.command("doctor", "svc/slip", "--name", lab.name, "--fix")
        done = subprocess.run(command, input=answer, env=lab.environment, text=True, capture_output=True, check=False)
        return done.stdout + done.stderr

    refused = eventually(lambda: "selector-nothing" in (shown := told("n\n")) and shown, 60)
    assert lab.get("service", "slip")["spec"]["selector"] == {"app": "wbe"}, refused
    agreed = told("y\n")
    assert lab.get("service", "slip")["spec"]["selector"] == {"app": "web"}, agreed


def test_a_diff_says_what_then_happens(lab, tmp_path):
    change = tmp_path / "change.json"
    service = lab.get("service", "local")
    change.write_text(json.dumps({**service, "spec": {**service["spec"], "externalTrafficPolicy": "Cluster"}}))
    shown, code = said(lab, "diff", "-f", str(change))
    assert code == 0, shown
    there = f"{address(lab, 'node-2')}:30081"
    assert f"{there}/TCP on node-2: nobody ->" in " ".join(shown.split()), shown
    lab.kubectl("apply", "-f", str(change))

    def answers():
        done = lab.fairlead(
            "run", "--name", lab.name, "--outside", "--", "wget", "-q", "-O-", "-T", "2", there, check=False
        )
        return done.returncode == 0

    eventually(answers, 60)


def test_an_explanation_is_whole(lab):
    shown, _ = said(lab, "explain", "svc/web", "pod/web-0", "node/node-1")
    assert "this is not the whole answer" not in shown, shown
    assert f"{address(lab, 'node-1')}:30080 on node-1" in shown


def test_only_the_printed_rights_are_needed(lab, tmp_path):
    role = tmp_path / "role.yaml"
    role.write_text(lab.fairlead("explain", "--print-rbac").stdout)
    lab.kubectl("apply", "-f", str(role))
    lab.kubectl("create", "serviceaccount", "reader")
    lab.kubectl(
        "create", "clusterrolebinding", "reader", "--clusterrole=fairlead-explain", "--serviceaccount=default:reader"
    )
    token = lab.kubectl("create", "token", "reader").stdout.strip()
    config = json.loads(lab.kubectl("config", "view", "--raw", "-o", "json").stdout)
    config["users"][0]["user"] = {"token": token}
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(config))
    command = [FAIRLEAD, "explain", "svc/web", "--kubeconfig", str(file)]
    done = subprocess.run(command, env=lab.environment, text=True, capture_output=True, check=False)
    assert "were not read" not in done.stdout, done.stdout + done.stderr
    assert "Service default/web: NodePort" in done.stdout
