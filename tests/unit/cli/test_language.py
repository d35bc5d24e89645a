"""The language of explanations."""

import json

import click
import pytest
from click.testing import CliRunner

from fairlead.cli.flags.chinese_help import HELP, paragraphs
from fairlead.cli.flags.language import language_of
from fairlead.cli.main import cli
from fairlead.explain.render.wrapping import columns

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

    def test_the_option_overrides_the_locale(self):
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

    @pytest.mark.parametrize(
        ("command", "said"),
        [
            (("explain", "svc/nope"), "error: Service default/nope 不存在"),
            (("explain", "nonsense"), "'nonsense'：请给出 KIND/NAME、地址或 ADDRESS:PORT"),
            (("trace", "--from", "pod/nope", "--to", "web"), "Pod default/nope 不存在"),
            (("doctor", "svc/nope"), "error: Service default/nope 不存在"),
        ],
    )
    def test_questions_without_an_answer(self, command, said):
        done = CliRunner().invoke(cli, [*command, "-f", "docs/clusters/small.yaml", "--lang", "zh"])
        assert said in done.output

    def test_codes(self):
        assert "选择算符没有匹配任何 Pod" in self.run("doctor", "--explain-codes", "--lang", "zh")


class TestHelp:
    def test_help_is_entirely_in_chinese(self):
        context = click.Context(cli)
        commands = [cli.get_command(context, name) for name in ("explain", "trace", "doctor", "diff")]
        options = [
            each for command in commands for each in command.get_params(context) if isinstance(each, click.Option)
        ]
        said = {text for command in commands for text in paragraphs(command)} | {
            each.help for each in options if each.help
        }
        assert sorted(said - HELP.keys()) == []
        assert sorted(HELP.keys() - said) == []

    def test_the_locale_decides(self):
        def shown(language):
            return CliRunner(env={"LC_ALL": language}).invoke(cli, ["explain", "--help"]).output

        assert shown("C").startswith("Usage: ")
        told = shown("zh_CN.UTF-8")
        assert told.startswith("用法：cli explain [OPTIONS] KIND/NAME...\n\n  说明对象是什么")
        assert "  --no-evidence                   输出文字时不带证据。\n" in told
        assert (
            "  -o, --output [text|json|mermaid|dot|svg|html]\n                                  [默认：text]\n" in told
        )
        assert all(columns(line) <= 80 for line in told.splitlines())
