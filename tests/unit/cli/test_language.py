"""In which language explanations are printed."""

import json

import pytest
from click.testing import CliRunner

from fairlead.cli.flags.language import language_of
from fairlead.cli.main import cli

BROKEN = "docs/clusters/broken.yaml"


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh-Hans"}, "zh"),
        ({"LANG": "zh"}, "zh"),
        ({"LANG": "zh.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "zh_TW.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
    ],
)
def test_the_locale_decides(environ, language):
    assert language_of(environ) == language


@pytest.mark.io
class TestPrinted:
    def run(self, *arguments: str, **environ: str) -> str:
        return (
            CliRunner(env={"LC_ALL": None, "LC_MESSAGES": None, "LANG": "C", **environ}).invoke(cli, arguments).output
        )

    def test_doctor_by_locale(self):
        told = self.run("doctor", "-f", BROKEN, LANG="zh_CN.UTF-8")
        assert "错误 selector-nothing  Service default/web" in told
        assert "发现 2 个问题" in told
        assert "matches no Pod" not in told

    def test_the_option_goes_before_the_locale(self):
        assert "2 findings" in self.run("doctor", "-f", BROKEN, "--lang", "en", LANG="zh_CN.UTF-8")
        assert "发现 2 个问题" in self.run("doctor", "-f", BROKEN, "--lang", "zh")

    def test_json_is_for_programs(self):
        plain = self.run("explain", "svc/web", "-f", BROKEN, "-o", "json")
        assert self.run("explain", "svc/web", "-f", BROKEN, "-o", "json", "--lang", "zh") == plain
        assert json.loads(plain)["statement"]["template"] == "Service {service}: {kind}"

    def test_anonymous_chinese(self):
        told = self.run("explain", "svc/web", "-f", BROKEN, "--lang", "zh", "--anonymize")
        assert "Service default/service-1" in told
        assert "web" not in told
        assert "怎样改变这种行为" in told

    def test_codes(self):
        assert "选择算符没有匹配任何 Pod" in self.run("doctor", "--explain-codes", "--lang", "zh")
