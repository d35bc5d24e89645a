"""Runs the headless-Service experiment: ``python -m examples.headless``, or ``make up``.

Brings up a lab with the manifests beside this file, asks DNS from inside the client Pod, prints each answer and what it
means, then stays up until Ctrl-C. ``--once`` ends after the last step instead.
"""

import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
FAIRLEAD = str(BIN / "fairlead")
KUBECTL = shutil.which("kubectl") or str(BIN / "kubectl")  # set-up puts one there where the machine has none
LAB = "headless"
REQUESTS = 200


class LookUp(NamedTuple):
    """A name asked for in the client Pod, and one line on what the answer shows."""

    name: str
    meaning: str


BEFORE = (
    LookUp(
        "my-headless-service",
        "No selector and no EndpointSlice: the name has nothing to answer, so NXDOMAIN everywhere.",
    ),
    LookUp(
        "headless-service-selector", "Headless with a selector: one A record for each ready Pod; the client chooses."
    ),
    LookUp("web", "ClusterIP: one virtual IP, whatever is behind it; the node's rules choose."),
)
AFTER = (
    LookUp("my-headless-service", "The EndpointSlice alone made the name exist: DNS reads slices, never selectors."),
)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    start()
    try:
        for look_up in BEFORE:
            ask(look_up)
        create_slice()
        for look_up in AFTER:
            ask(look_up)
        count_answers()
        show_objects()
        if "--once" not in sys.argv:
            stay_up()
    except KeyboardInterrupt:
        print()
    finally:
        fairlead("down", "--name", LAB)


def start() -> None:
    if fairlead("up", "--name", LAB, "--wait", "-f", str(HERE / "manifests.yaml")).returncode:
        sys.exit(3)


def ask(look_up: LookUp) -> None:
    heading(f"nslookup {look_up.name}")
    in_client("busybox", "nslookup", look_up.name)
    explain(look_up.meaning)


def create_slice() -> None:
    heading("kubectl create -f examples/headless/endpointslice.yaml")
    kubectl("create", "-f", str(HERE / "endpointslice.yaml"))


def count_answers() -> None:
    heading(f"curl http://web/  ({REQUESTS} times)")
    loop = f"for i in $(seq {REQUESTS}); do curl -s --max-time 5 http://web/hostname; echo; done"
    answers = in_client("sh", "-c", loop, capture=True).stdout.split()
    for pod, count in sorted(Counter(answers).items()):
        print(f"{count:5d}  {pod}")
    explain("Both Pods answer, about evenly: each new connection takes one at random.")


def show_objects() -> None:
    heading("kubectl get service,endpointslices,pods -o wide")
    kubectl("get", "service,endpointslices,pods", "-o", "wide")


def stay_up() -> None:
    heading("The lab stays up until Ctrl-C. In another terminal:")
    print(f"  export KUBECONFIG=$({FAIRLEAD} kubeconfig --name {LAB} --path)")
    print(f"  {KUBECTL} get endpointslices -w")
    print(f"  {FAIRLEAD} exec --name {LAB} client -- dig +search +showsearch headless-service-selector")
    print(f"  {FAIRLEAD} exec --name {LAB} web-0 -- touch /tmp/unready      # and look again")
    print(f"  {FAIRLEAD} exec --name {LAB} --node node-1 -- nft list ruleset")
    signal.pause()


def fairlead(*arguments: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FAIRLEAD, *arguments], text=True, check=False, capture_output=capture)


def in_client(*command: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
    return fairlead("exec", "--name", LAB, "client", "--", *command, capture=capture)


def kubectl(*arguments: str) -> None:
    path = fairlead("kubeconfig", "--name", LAB, "--path", capture=True).stdout.strip()
    subprocess.run([KUBECTL, "--kubeconfig", path, *arguments], check=True)


def heading(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def explain(text: str) -> None:
    print(f"=> {text}", flush=True)


if __name__ == "__main__":
    main()
