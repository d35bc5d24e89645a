"""Rules as kube-proxy writes them for one Service of one endpoint, from its documented structure, in several spellings.

Sources: upstream's ``pkg/proxy/iptables`` and ``pkg/proxy/nftables``; kubelet's chains are in its
``pkg/kubelet/kubelet_network_linux.go``.
"""


def iptables(vip, endpoint, protocols=("tcp", "udp"), *, is_old=False):
    """The input of iptables-restore. ``is_old``: spelled as iptables 1.4 and 1.6 did, with chains of before 1.28."""
    new = "-m state --state NEW" if is_old else "-m conntrack --ctstate NEW"
    mark = "--set-xmark 0x4000/0x4000" if is_old else "--or-mark 0x4000"
    fully = "" if is_old else " --random-fully"
    nat, chains = [], []
    for number, protocol in enumerate(protocols):
        svc, sep = f"KUBE-SVC-{number:016d}", f"KUBE-SEP-{number:016d}"
        name = f"default/web:{protocol}"
        chains += [svc, sep]
        nat += [
            f'-A KUBE-SERVICES -d {vip}/32 -p {protocol} -m comment --comment "{name} cluster IP" --dport 80 -j {svc}',
            f'-A {svc} -m comment --comment "{name} -> {endpoint}:80" -j {sep}',
            f'-A {sep} -s {endpoint}/32 -m comment --comment "{name}" -j KUBE-MARK-MASQ',
            f'-A {sep} -p {protocol} -m comment --comment "{name}" -j DNAT --to-destination {endpoint}:80',
        ]
    old_chains = ["KUBE-MARK-DROP", "KUBE-XLB-0000000000000000"] if is_old else []
    shared = ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ", "KUBE-PROXY-CANARY", *old_chains]
    jumps = [
        '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
        f"-A KUBE-MARK-MASQ -j MARK {mark}",
        "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
        "-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000",
        f'-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE{fully}',
        '-A KUBE-SERVICES -m comment --comment "kubernetes nodeports" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
    ]
    filters = ["KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL", "KUBE-FORWARD"]
    filtering = [
        f'-A INPUT {new} -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL',
        f'-A FORWARD {new} -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
        f'-A OUTPUT {new} -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
        '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
        "-A INPUT -j KUBE-FIREWALL",
        "-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
    ]
    return (
        _table("mangle", ["KUBE-PROXY-CANARY"], [])
        + _table("filter", [*filters, "KUBE-PROXY-CANARY", "KUBE-FIREWALL"], filtering)
        + _table("nat", [*shared, *chains], [*nat, *jumps])
    )


def _table(name, chains, rules):
    return "\n".join([f"*{name}", *(f":{chain} - [0:0]" for chain in chains), *rules, "COMMIT", ""])


def nftables(vip, endpoint, protocols=("tcp", "udp")):
    """The input of nft."""
    chains, elements = "", []
    for protocol in protocols:
        chain = f"service-ABCDEFGH-default/web/{protocol}/{protocol}"
        elements.append(f"{vip} . {protocol} . 80 : goto {chain}")
        chains += f"""
    chain {chain} {{
        ip daddr {vip} {protocol} dport 80 ip saddr != 10.180.0.0/16 jump mark-for-masquerade
        meta l4proto {protocol} dnat to numgen random mod 1 map {{ 0 : {endpoint} . 80 }}
    }}"""
    return f"""
table ip kube-proxy {{
    comment "rules for kube-proxy"
    set cluster-ips {{ type ipv4_addr; comment "Active ClusterIPs"; elements = {{ {vip} }}; }}
    map service-ips {{ type ipv4_addr . inet_proto . inet_service : verdict; }}
    chain mark-for-masquerade {{ meta mark set meta mark or 0x4000; }}
    chain services {{ ip daddr . meta l4proto . th dport vmap @service-ips; }}
    chain nat-prerouting {{ type nat hook prerouting priority dstnat; jump services; }}
    chain nat-output {{ type nat hook output priority -100; jump services; }}
    chain masquerading {{
        meta mark & 0x4000 != 0 meta mark set meta mark xor 0x4000 masquerade fully-random
    }}
    chain nat-postrouting {{ type nat hook postrouting priority srcnat; jump masquerading; }}
    chain cluster-ips-check {{ ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"; }}
    chain filter-forward {{ type filter hook forward priority 0; ct state new jump cluster-ips-check; }}{chains}
}}
table ip6 kube-proxy {{ comment "rules for kube-proxy"; }}
add element ip kube-proxy service-ips {{ {", ".join(elements)} }}
"""


FOREIGN = """*nat
:MINE - [0:0]
:KUBE-ROUTER-HAIRPIN - [0:0]
-A PREROUTING -j MINE
-A MINE -m comment --comment "not -j KUBE-SERVICES" -j KUBE-ROUTER-HAIRPIN
COMMIT
"""  # of the operator and of kube-router, for nobody to touch
