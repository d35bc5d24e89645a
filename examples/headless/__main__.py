"""Headless Services: what DNS answers with and without a selector, beside a virtual IP over the same Pods."""

from examples.lab import HERE, Step, run

STEPS = (
    Step(
        "client",
        "busybox nslookup my-headless-service",
        "No selector and no EndpointSlice: the name has nothing to answer, so NXDOMAIN everywhere.",
        until="NXDOMAIN",  # the node's rules may be a moment behind the DNS Pod that is ready
    ),
    Step(
        "client",
        "busybox nslookup headless-service-selector",
        "Headless with a selector: one A record for each ready Pod; the client chooses.",
        until=r"(?s)(Address: 10\.244\..*){2}",
    ),
    Step(
        "client",
        "busybox nslookup web",
        "ClusterIP: one virtual IP, whatever is behind it; the node's rules choose.",
        until=r"Address: 10\.96\.",
    ),
    Step(
        HERE,
        "kubectl create -f examples/headless/endpointslice.yaml",
        "An EndpointSlice written by hand; its label ties it to the Service.",
    ),
    Step(
        "client",
        "busybox nslookup my-headless-service",
        "The EndpointSlice alone made the name exist: DNS reads slices, never selectors.",
        until="192.0.2.10",
    ),
    Step(
        "client",
        "for i in $(seq 200); do curl -sS --max-time 30 http://web/hostname; echo; done | sort | uniq -c",
        "Both Pods answer, about evenly: each new connection takes one at random.",
    ),
    Step(
        HERE,
        "kubectl get service,endpointslices,pods -o wide",
        "The three kinds of object that all of this comes from.",
    ),
)
IDEAS = (
    "kubectl get endpointslices -w",
    "fairlead exec --name headless client -- dig +search +showsearch headless-service-selector",
    "fairlead exec --name headless web-0 -- touch /tmp/unready      # and look again",
    "fairlead exec --name headless --node node-1 -- nft list ruleset",
)

if __name__ == "__main__":
    run("headless", STEPS, IDEAS)
