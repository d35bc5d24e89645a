"""The chart, rendered by Helm's own library, in a process of its own: its runtime does not live with forks."""

import json
import subprocess
import sys
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "deploy" / "chart" / "fairlead"

_PROGRAM = """
import json, sys
import helm_python as helm
chart, name, namespace, runs = json.load(sys.stdin)
done = []
with helm.Chart.load(chart) as loaded:
    for values in runs:
        try:
            loaded.validate_schema(values)
            done.append({"files": loaded.render(values, name=name, namespace=namespace)})
        except Exception as error:
            done.append({"error": str(error)})
print(json.dumps({"runs": done, "lint": str(helm.lint(chart))}))
"""


class ChartError(Exception):
    """Helm refuses the values, or cannot render them."""


def run_helm(runs, namespace="kube-system", name="fairlead"):
    """What Helm says to each of the values, and its lint."""
    work = json.dumps([str(CHART), name, namespace, runs])
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, input=work, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def render_all(runs, **options):
    """The documents for each of the values, in the order of the chart's files.

    Raises:
        ChartError: the values are refused.
    """
    return [_documents(run) for run in run_helm(runs, **options)["runs"]]


def _documents(run):
    if "error" in run:
        raise ChartError(run["error"])
    texts = [text for name, text in sorted(run["files"].items()) if name.endswith(".yaml")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]
