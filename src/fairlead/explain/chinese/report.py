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
    # what cannot be answered
    "there is no {subject}{hint}": "{subject} 不存在{hint}",
    "; there is one in {spaces}": "；{spaces:、} 中有一个",
    "there is no Node {node}": "节点 {node} 不存在",
    "there is no Pod {pod}": "Pod {pod} 不存在",
    "Pod {pod} has no address yet": "Pod {pod} 还没有地址",
    "{kinds} were not read, so nothing can be said about {subject}": "没有读取 {kinds}，因此无法说明 {subject}",
    "{subject}: give a Service, a Pod or a StatefulSet": "{subject}：请给出 Service、Pod 或 StatefulSet",
    "{text!r}: give KIND/NAME, with one of these kinds: {known}": "{text!r}：请给出 KIND/NAME，可用的类型：{known}",
    "{text!r}: give KIND/NAME, an address, or ADDRESS:PORT": "{text!r}：请给出 KIND/NAME、地址或 ADDRESS:PORT",
    "{text!r}: give pod/NAME, node/NAME, host or outside": "{text!r}：请给出 pod/NAME、node/NAME、host 或 outside",
    "{text!r} is not a port": "{text!r} 不是端口",
    "{text!r}: {port!r} is not a port": "{text!r}：{port!r} 不是端口",
    "{text!r} is not an address": "{text!r} 不是地址",
    "{type!r} is no type that can be asked for here: {types}": "{type!r} 不是可以查询的类型：{types:、}",
    "give a name": "请给出名称",
    "packets can be sent in a lab only": "只有在实验环境中才能发送数据包",
    "give a name or an address to go to, and tcp, udp or sctp": "请给出目的名称或地址，以及 tcp、udp 或 sctp",
    "this change is not remembered any more": "此变更已不再保留",
    "nothing has changed yet": "还没有任何变更",
    "error": "错误",
    "warning": "警告",
    "see {docs}": "参见 {docs}",
}
