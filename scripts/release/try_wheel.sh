#!/usr/bin/env bash
# Installs the wheel of dist/ into an empty environment of each Python that is named, far from any checkout, and uses it: a lab,
# an explanation, a test with the plugin, the end. Prints the size of the wheel and the time from nothing to the first Service.
#   scripts/release/try_wheel.sh python3.11 python3.12 ...
set -euo pipefail
wheel=$(ls "$(cd "$(dirname "$0")/../.." && pwd)"/dist/fairlead-*.whl)
echo "wheel: $(stat -c %s "$wheel") bytes"
for python in "$@"; do
  place=$(mktemp -d /var/tmp/fairlead-wheel-XXXX)
  (
    trap 'fairlead down >/dev/null 2>&1 || true; rm -rf "$place"' EXIT
    cd "$place"; mkdir -m 700 run; export HOME=$place XDG_RUNTIME_DIR=$place/run; unset KUBECONFIG PYTHONPATH
    cat > web.yaml <<'MANIFEST'
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: server, image: fairlead/echo}]}
MANIFEST
    cat > test_web.py <<'TEST'
def test_the_service_answers(namespace):
    namespace.apply("web.yaml")
    namespace.wait_ready()
    assert namespace.run("curl -s http://web/hostname").stdout == "web"
TEST
    began=$(date +%s.%N); since() { printf '%.1f s' "$(echo "$(date +%s.%N) - $began" | bc)"; }
    "$python" -m venv environment; PATH=$place/environment/bin:$PATH
    pip install --quiet --disable-pip-version-check "$wheel[pytest]" 2>&1 | grep -v WARNING || true
    installed=$(since)
    fairlead up --wait -f web.yaml 2>/dev/null
    [ "$(fairlead run -- curl -s http://web/hostname)" = web ]
    echo "$(python --version): installed after $installed, the first Service answered after $(since)"
    fairlead explain svc/web --name default --no-evidence | head -3
    fairlead version -o json | head -2 | tail -1
    ls environment/share/man/man1/fairlead.1 environment/share/bash-completion/completions/fairlead >/dev/null
    fairlead down
    pytest -q test_web.py 2>&1 | tail -1
  )
done
