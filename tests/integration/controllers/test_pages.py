"""The controllers' process reports the state of its watches to probes and scrapers."""

import re
import subprocess
import sys
import urllib.request

from tests.support.api_servers import running_api_server
from tests.support.net.ports import free_port


def test_health_readiness_and_metrics(tmp_path):
    address = f"127.0.0.1:{free_port()}"
    with running_api_server(tmp_path) as server:
        command = [sys.executable, "-m", "fairlead", "controllers", "--only", "endpointslice"]
        command += ["--kubeconfig", str(server.kubeconfig), "--http-bind-address", address]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            assert any("ready" in line for line in process.stderr)
            pages = {
                path: urllib.request.urlopen(f"http://{address}/{path}").read().decode()
                for path in ("healthz", "readyz", "metrics")
            }
        finally:
            process.terminate()
            process.wait()
            process.stderr.close()
    assert (pages["healthz"], pages["readyz"]) == ("ok", "ok")
    assert re.search(r'^fairlead_watch_objects\{resource="services"\} 1\.0$', pages["metrics"], re.M)
    assert re.search(
        r'^fairlead_watch_age_seconds\{resource="endpointslices.discovery.k8s.io"\} ', pages["metrics"], re.M
    )
