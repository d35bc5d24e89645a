"""Corefiles in the style of the usual distributions, managed clouds and node-local caches.

``UPSTREAM`` stands for the resolv.conf of a node, ``CLUSTER_DNS`` for the cluster's DNS as a node's cache asks it, and
``FOLDER`` for where the files are that an operator mounts beside the Corefile; ``BIND`` for the addresses of a node.
"""

KUBEADM = """\
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . UPSTREAM {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
"""

# k3s: a file of node names, and directories that an operator may put more into.
K3S = """\
.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
      pods insecure
      fallthrough in-addr.arpa ip6.arpa
    }
    hosts FOLDER/NodeHosts {
      ttl 60
      reload 15s
      fallthrough
    }
    prometheus :9153
    cache 30
    loop
    reload
    loadbalance
    import FOLDER/custom/*.override
    forward . UPSTREAM
}
import FOLDER/custom/*.server
"""

# AKS: overrides inside and servers outside the block, and health in a block of its own.
AKS = """\
.:53 {
    errors
    ready
    health {
      lameduck 5s
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
      pods insecure
      fallthrough in-addr.arpa ip6.arpa
      ttl 30
    }
    prometheus :9153
    forward . UPSTREAM
    cache 30
    loop
    reload
    loadbalance
    import FOLDER/custom/*.override
    template ANY ANY internal.cloudapp.net {
      match "^(?:[^.]+\\.){4,}internal\\.cloudapp\\.net\\.$"
      rcode NXDOMAIN
      fallthrough
    }
    template ANY ANY reddog.microsoft.com {
      rcode NXDOMAIN
    }
}
import FOLDER/custom/*.server
"""

EKS = """\
.:53 {
    errors
    health {
        lameduck 5s
      }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
      pods insecure
      fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . UPSTREAM
    cache 30
    loop
    reload
    loadbalance
}
"""

# GKE with a stub domain and upstream servers of the operator's.
GKE = """\
.:53 {
    errors
    log . {
        class denial error
    }
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods verified
        fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . UPSTREAM {
        policy sequential
        max_fails 3
        expire 10s
        health_check 5s
        prefer_udp
    }
    cache {
        success 8192 300 5
        denial 4096 30 5
        prefetch 10 1m 10%
        serve_stale 1h immediate
        servfail 1s
    }
    loop
    reload 10s 3s
    loadbalance round_robin
}
stub.example:53 {
    errors
    cache 30
    forward . UPSTREAM
}
"""

OPENSHIFT = """\
# corp
corp.example:5353 {
    prometheus 127.0.0.1:9153
    forward . UPSTREAM {
        policy random
    }
    errors
    log . {
        class error
    }
    bufsize 1232
    cache 900 {
        denial 9984 30
    }
}
.:53 {
    bufsize 1232
    errors
    log . {
        class error
    }
    health {
        lameduck 20s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
    }
    prometheus 127.0.0.1:9153
    forward . UPSTREAM {
        policy sequential
    }
    cache 900 {
        denial 9984 30
    }
    reload
}
hostname.bind:53 {
    chaos
}
"""

KUBESPRAY = """\
.:53 {
    errors {
    }
    health {
        lameduck 5s
    }
    rewrite stop {
        name regex (.*)\\.apps\\.lan {1}.default.svc.cluster.local
        answer name (.*)\\.default\\.svc\\.cluster\\.local {1}.apps.lan
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
      pods insecure
      fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . UPSTREAM {
      prefer_udp
      max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
    hosts {
      192.0.2.40 registry.apps.lan.example registry
      fallthrough
    }
}
"""

TALOS = """\
.:53 {
    errors
    health {
        lameduck 5s
    }
    ready
    log . {
        class error
    }
    prometheus :9153

    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    forward . UPSTREAM {
       max_concurrent 1000
    }
    cache 30 {
        disable success cluster.local
        disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
"""

MINIKUBE = """\
.:53 {
    log
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    hosts {
       192.168.65.2 host.minikube.internal
       fallthrough
    }
    forward . UPSTREAM {
       max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
}
"""

KIND = KUBEADM.replace("       ttl 30\n", "")

# Rancher (RKE): servers of the operator's for everything, and an acl.
RANCHER = """\
(common) {
    errors
    cache {args[0]}
    loadbalance
}
.:53 {
    import common 30
    health {
      lameduck 5s
    }
    ready
    acl {
        allow net 127.0.0.0/8 10.0.0.0/8
        block
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
      pods insecure
      fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . UPSTREAM
    loop
    reload
}
rancher.example:53 {
    import common 5
    forward . UPSTREAM
}
"""

# The cache on each node: the cluster's names from the cluster's DNS over TCP, all others from the node's servers.
NODE_LOCAL = """\
cluster.local:53 {
    errors
    cache {
            success 9984 30
            denial 9984 5
    }
    reload
    loop
    bind BIND
    forward . CLUSTER_DNS {
            force_tcp
    }
    prometheus :9253
    health BIND_FIRST:8080
    }
in-addr.arpa:53 {
    errors
    cache 30
    reload
    loop
    bind BIND
    forward . CLUSTER_DNS {
            force_tcp
    }
    prometheus :9253
    }
ip6.arpa:53 {
    errors
    cache 30
    reload
    loop
    bind BIND
    forward . CLUSTER_DNS {
            force_tcp
    }
    prometheus :9253
    }
.:53 {
    errors
    cache 30
    reload
    loop
    bind BIND
    forward . UPSTREAM
    prometheus :9253
    }
"""

# Cilium's and others' node cache: one block, with stale answers.
NODE_CACHE = """\
.:53 {
    bind BIND
    errors
    cache 3600 {
        serve_stale 1h verify
        prefetch 5
    }
    forward cluster.local CLUSTER_DNS {
        force_tcp
    }
    forward in-addr.arpa CLUSTER_DNS
    forward . UPSTREAM
    prometheus :9253
    ready
}
"""

RKE2 = """\
.:53 {
    errors
    health  {
        lameduck 5s
    }
    ready
    kubernetes   cluster.local  cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus   0.0.0.0:9153
    forward   . UPSTREAM
    cache   30
    loop
    reload
    loadbalance
}"""

# Alibaba Cloud with what its guides tell operators to add: no AAAA for names outside, stale answers, searches walked.
ALIYUN = """\
.:53 {
    errors
    log
    health {
       lameduck 15s
    }
    ready
    template IN AAAA corp.example
    autopath @kubernetes
    kubernetes cluster.local in-addr.arpa ip6.arpa {
      pods verified
      ttl 30
      fallthrough in-addr.arpa ip6.arpa
    }
    hosts {
      192.0.2.50 gateway.corp.example
      fallthrough
    }
    prometheus :9153
    forward . UPSTREAM {
      prefer_udp
    }
    cache 30 {
      serve_stale
      prefetch 10 60s 50%
      servfail 0
    }
    loop
    reload
    loadbalance
}
"""

# Tencent Cloud, with a stub domain in the way of Consul, and names of a mesh rewritten to Services.
TENCENT = """\
.:53 {
    template ANY HINFO . {
        rcode NXDOMAIN
    }
    errors
    health {
        lameduck 30s
    }
    ready
    rewrite stop {
        name suffix .global .svc.cluster.local answer auto
    }
    kubernetes cluster.local. in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . UPSTREAM {
        prefer_udp
    }
    cache 30
    reload
    loadbalance
}
consul:53 {
    errors
    cache 30
    forward . UPSTREAM
}
"""

ALL = {
    "kubeadm": KUBEADM,
    "k3s": K3S,
    "aks": AKS,
    "eks": EKS,
    "gke": GKE,
    "openshift": OPENSHIFT,
    "kubespray": KUBESPRAY,
    "talos": TALOS,
    "minikube": MINIKUBE,
    "kind": KIND,
    "rancher": RANCHER,
    "rke2": RKE2,
    "aliyun": ALIYUN,
    "tencent": TENCENT,
    "node-local": NODE_LOCAL,
    "node-cache": NODE_CACHE,
}

# Files that an operator mounts beside the Corefile.
MOUNTED = {
    "NodeHosts": "192.0.2.21 node-1\n192.0.2.22 node-2\n",
    "custom/log.override": "log\n",
    "custom/corp.server": "corp.example:53 {\n    errors\n    cache 30\n    forward . UPSTREAM\n}\n",
}
