"""The cache of a node, in a network namespace of its own: its addresses and rules exist only while it runs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

COREFILE = """\
cluster.local:53 {
    errors
    cache {
        success 9984 30
        denial 9984 5
    }
    bind 169.254.20.10 10.96.0.10 fd00::10
    forward . __PILLAR__CLUSTER__DNS__ {
        force_tcp
    }
}
.:53 {
    errors
    cache 30
    bind 169.254.20.10 10.96.0.10 fd00::10
    forward . 127.0.0.3
}
"""

SCRIPT = """
import json, os, signal, subprocess, sys, time
import dns.exception, dns.message, dns.query, dns.rcode
from tests.support.dns_table_server import TableServer

corefile, ending = sys.argv[1:]
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
servers = [
    TableServer(["web.default.svc.cluster.local. 30 IN A 10.96.0.50"], "127.0.0.2", 53),
    TableServer(["www.example.com. 60 IN A 93.184.216.34"], "127.0.0.3", 53),
]
for server in servers:
    server.start()
environment = {**os.environ, "KUBE_DNS_UPSTREAM_SERVICE_HOST": "127.0.0.2"}
command = [sys.executable, "-m", "fairlead", "dns", "--config", corefile, "--node-interface", "nodelocaldns"]
cache = subprocess.Popen(command, env=environment)

def links():
    return {link["ifname"] for link in json.loads(subprocess.check_output(["ip", "-j", "link"]))}

def tables():
    return subprocess.check_output(["nft", "list", "ruleset"], text=True)

is_late = False  # whether a reply was, so that the cache may have asked again

def ask(name, address):
    global is_late
    ends = time.monotonic() + 60
    while True:
        try:
            reply = dns.query.udp(dns.message.make_query(name, "A"), address, timeout=1)
            if reply.rcode() != dns.rcode.SERVFAIL:
                return [data.address for rrset in reply.answer for data in rrset]
            is_late = True
        except dns.exception.Timeout:
            is_late = True
        except OSError:
            pass
        assert time.monotonic() < ends and cache.poll() is None, "it does not answer"
        time.sleep(0.05)

for address in ("169.254.20.10", "10.96.0.10", "fd00::10"):
    assert ask("web.default.svc.cluster.local.", address) == ["10.96.0.50"]
    assert ask("www.example.com.", address) == ["93.184.216.34"]
assert "nodelocaldns" in links()
rules = tables()
assert rules.count("notrack") == 6 and "169.254.20.10" in rules and "fd00::10" in rules, rules
asked = set(servers[0].asked) if is_late else servers[0].asked
assert [*asked] == ["tcp web.default.svc.cluster.local. a"], asked
cache.send_signal(getattr(signal, ending))
cache.wait(60)
if ending == "SIGKILL":  # what it has left is no trouble for the next one
    cache = subprocess.Popen(command, env=environment)
    assert ask("www.example.com.", "169.254.20.10") == ["93.184.216.34"]
    cache.terminate()
    cache.wait(60)
assert "nodelocaldns" not in links()
assert "notrack" not in tables()
print("as it should be", flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("ending", ["SIGTERM", "SIGKILL"])
def test_the_addresses_and_rules_of_a_node_cache_come_and_go_with_it(tmp_path, ending):
    (tmp_path / "Corefile").write_text(COREFILE)
    command = ["unshare", "-rn", sys.executable, "-c", SCRIPT, str(tmp_path / "Corefile"), ending]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.stdout, done.returncode) == ("as it should be\n", 0), done.stderr
