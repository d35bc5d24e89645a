"""``--help`` in Chinese, for the commands that explain: a Chinese locale shows the same options in Chinese."""

import copy
import os
from collections.abc import Iterator, Mapping

import click

from fairlead.cli.flags.language import language_of

_COLUMN = 34  # where the second column begins
_WORDS = (("[default: ", "[默认："), ("[required]", "[必填]"), ("(by the locale)", "按区域设置"))

HELP: Mapping[str, str] = {
    # explain
    "Show what something is, where it answers, by which names and rules, and why.": (
        "说明对象是什么、在哪里应答、有哪些名称和规则，以及为什么。"
    ),
    "KIND/NAME is svc/web, pod/db-0, endpointslice/web-x, node/node-1, sts/db, netpol/deny, dns/web.default, an address, "
    "ADDRESS:PORT, or port/80. Exit code 1 if it does not exist, or if part of the answer has failed.": (
        "KIND/NAME 可以是 svc/web、pod/db-0、endpointslice/web-x、node/node-1、sts/db、netpol/deny、dns/web.default、"
        "一个地址、ADDRESS:PORT 或 port/80。对象不存在或部分结果失败时，退出码为 1。"
    ),
    "For a DNS name: the Namespace of the client Pod.": "用于 DNS 名称：发起查询的 Pod 所在的名字空间。",
    "Text without the evidence for each statement.": "输出文字时不带证据。",
    "Print the least rights that reading a cluster needs, and exit.": "打印读取集群所需的最小权限，然后结束。",
    # trace
    "Show where a packet goes: name, rules hook by hook, endpoints with their probability, policies, and the reply.": (
        "说明数据包去往何处：名称、逐个钩子的规则、各端点及其概率、策略，以及应答。"
    ),
    "Exit code 1 if the packet arrives nowhere, or if that cannot be checked.": "无法到达或无法检查时，退出码为 1。",
    "pod/NAME, node/NAME, host, or outside[/ADDRESS].": "pod/NAME、node/NAME、host 或 outside[/ADDRESS]。",
    "NAME, NAME:PORT or IP:PORT.": "NAME、NAME:PORT 或 IP:PORT。",
    "The node that a client outside reaches; by default, as routed.": "集群外的客户端访问的节点；不指定时按路由决定。",
    "iptables-save, ipset save, nft list ruleset or nft -j of the node.": (
        "该节点的 iptables-save、ipset save、nft list ruleset 或 nft -j 的输出。"
    ),
    "With --name: also send the packet, and compare with the kernel.": "与 --name 一起使用：实际发送，并与内核的处理结果比较。",
    "Use the rules that the proxy would write, not the observed ones.": "使用代理将会写入的规则，而不是已观察到的规则。",
    "Resolve names to IPv6 addresses.": "查询名称的 IPv6 地址。",
    "Show the rules that did not match as well, and why.": "同时列出没有匹配的规则及其原因。",
    # doctor
    "Find what is wrong with Services, the root cause first, each with its evidence and a fix.": (
        "找出 Service 的问题，根本原因在前，每项都附有证据和修复方法。"
    ),
    "Without KIND/NAME, the whole cluster is examined; svc/web, pod/web-0 or sts/db limit the report to what concerns "
    "them. Exit code 1 if something is found, 3 if nothing can be read.": (
        "不给出 KIND/NAME 时检查整个集群；svc/web、pod/web-0 或 sts/db 只检查与之相关的内容。发现问题时退出码为 1，"
        "无法读取任何内容时退出码为 3。"
    ),
    "Apply the fixes that are patches, and ask before each one.": "逐项询问后，应用以补丁形式给出的修复。",
    "List every kind of finding, and exit.": "列出所有类型的问题，然后结束。",
    # diff
    "Show the effect of changed manifests on endpoints, DNS answers, reachability and rules.": (
        "说明修改后的清单会对端点、DNS 应答、可达性和规则产生什么影响。"
    ),
    "Nothing is applied. Exit code 1 if something that answers now would stop answering, or if a new fault would "
    "appear.": ("不会应用任何修改。如果现在能应答的内容将不再应答，或会出现新的问题，退出码为 1。"),
    "List the rules that are added and removed.": "列出增加和删除的规则。",
    "The changed manifests; - is stdin.": "修改后的清单；- 表示标准输入。",
    "Files, folders or archives of the current cluster, instead of the API.": "用文件、目录或归档表示当前的集群，代替 API。",
    "The lab of this name, in its current state.": "此名称的实验环境的当前状态。",
    # what they share
    "Files, folders, archives instead of the API; - is stdin.": "用文件、目录、归档代替 API；- 表示标准输入。",
    "The lab of this name, and what its nodes and Pods show.": "此名称的实验环境，以及它的节点和 Pod 上可见的内容。",
    "Kubeconfig file; by default the one that kubectl uses.": "kubeconfig 文件；默认与 kubectl 使用的相同。",
    "Context of the kubeconfig.": "kubeconfig 的上下文。",
    "Namespace for names that have none.": "名称未写名字空间时使用的名字空间。",
    "Cluster domain.": "集群域名。",
    "Replace names and addresses, so that the output can be shared.": "替换名称和地址，以便对外展示。",
    "Language of the output; JSON is always English.": "输出的语言；JSON 始终为英文。",
    "The Pods' networks; by default those of the Nodes.": "Pod 的网段；默认取自节点。",
    "CIDRs, or primary.": "若干 CIDR，或 primary。",
    "Show this message and exit.": "显示此帮助并退出。",
}


class Localized(click.Command):
    """A command whose help is in the language of the locale."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write it, as ``click.Command`` does."""
        if language_of(os.environ) != "zh":
            super().format_help(ctx, formatter)
            return
        formatter.write(f"用法：{ctx.command_path} {' '.join(self.collect_usage_pieces(ctx))}\n")
        for line in (*self._about(), "", "选项：", *self._options(ctx)):
            formatter.write(f"{line}\n")

    def _about(self) -> Iterator[str]:
        from fairlead.explain.render.wrapping import wrapped

        for paragraph in paragraphs(self):
            yield from ("", *wrapped(HELP.get(paragraph, paragraph), "  ", "  "))

    def _options(self, ctx: click.Context) -> Iterator[str]:
        from fairlead.explain.render.wrapping import columns, wrapped

        for param in self.get_params(ctx):
            if not isinstance(param, click.Option):
                continue
            names, text = _in_chinese(param).get_help_record(ctx) or ("", "")
            for english, chinese in _WORDS:
                text = text.replace(english, chinese)
            head, rest = f"  {names}", " " * _COLUMN
            lines = wrapped(text, rest, rest)
            if columns(head) + 2 <= _COLUMN:
                lines[0] = head + " " * (_COLUMN - columns(head)) + lines[0].lstrip()
            else:
                lines.insert(0, head)
            yield from lines


def paragraphs(command: click.Command) -> list[str]:
    """The paragraphs of a command's help, each in one line."""
    return [" ".join(part.split()) for part in (command.help or "").split("\n\n")]


def _in_chinese(option: click.Option) -> click.Option:
    found = copy.copy(option)
    found.help = HELP.get(found.help or "", found.help)
    return found
