"""The words of a report around its sentences."""

from collections.abc import Mapping

REPORT: Mapping[str, str] = {
    "{what}: {names: and } were not read": "{what}：未读取 {names:、}",
    "objects that were not read: {kinds}": "未读取的对象：{kinds:、}",
    "what was not looked at: {unseen}": "未检查的内容：{unseen:、}",
    "where processes listen (ss -ltn)": "进程监听的端口（ss -ltn）",
    "rules of nodes (nft, iptables-save)": "节点的规则（nft、iptables-save）",
    "flows (conntrack -L)": "连接（conntrack -L）",
    "logs of DNS servers": "DNS 服务器的日志",
    "{where}: {message}": "{where}：{message}",
    "what was read": "已读取的内容",
    "EndpointSlices of the Namespace": "该名字空间的 EndpointSlice",
    "NetworkPolicies of the Namespace": "该名字空间的 NetworkPolicy",
    "EndpointSlices before and after": "变更前后的 EndpointSlice",
    "Services of the Namespace": "该名字空间的 Service",
    "computed": "计算得出",
    "{checked} checked, {failed} failed, {unknown} not checked": (
        "已检查 {checked} 项，失败 {failed} 项，未检查 {unknown} 项"
    ),
    "{checked} checked, {failed} failed, {unknown} not checked (marked ?): this is not the whole answer": (
        "已检查 {checked} 项，失败 {failed} 项，未检查 {unknown} 项（标记为 ?）：这不是完整的答案"
    ),
    "{count} finding{count:plural}": "发现 {count} 个问题",
    "nothing wrong was found": "没有发现问题",
    "not checked:": "未检查：",
    # what is different between two versions of an object
    "{pod} leaves": "{pod} 离开",
    "{pod} comes, {state}": "{pod} 加入，{state}",
    "{pod} is {state}": "{pod} {state}",
    "ending": "正在终止",
    "{kind} is new": "新增 {kind}",
    "{field} is different": "{field} 有变化",
    "{field}: {was} -> {will}": "{field}：{was} -> {will}",
    "before this page was opened": "打开此页面之前",
    "error": "错误",
    "warning": "警告",
    "see {docs}": "参见 {docs}",
}
