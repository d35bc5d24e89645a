"""The Chinese of all sentences, by their English templates, in the terms of the Chinese Kubernetes documentation."""

from collections.abc import Mapping

from fairlead.explain.chinese.about import ABOUT
from fairlead.explain.chinese.doctor import DOCTOR
from fairlead.explain.chinese.names import NAMES
from fairlead.explain.chinese.packets import PACKETS
from fairlead.explain.chinese.policies import POLICIES
from fairlead.explain.chinese.report import REPORT

SENTENCES: Mapping[str, str] = {**ABOUT, **DOCTOR, **NAMES, **PACKETS, **POLICIES, **REPORT}
