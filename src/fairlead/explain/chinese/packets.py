"""The way of a packet: who sends, what the rules do, where it arrives, and what the kernel did with it."""

from collections.abc import Mapping

PACKETS: Mapping[str, str] = {
    "{protocol} packet from {start} to {goal}": "从 {start} 到 {goal} 的 {protocol} 数据包",
    "outside, by {node}": "集群外（经由 {node}）",
    "node {node}": "节点 {node}",
    "where the packet goes: give a port": "数据包去往何处：请给出端口",
    "where the packet goes: no address is known": "数据包去往何处：没有已知的地址",
    "no packet is sent: the name has no address": "没有发送数据包：该名称没有地址",
    "{start} asks the host's own resolver for {host}, not the cluster's": (
        "{start} 向主机自己的解析器查询 {host}，而不是集群的 DNS"
    ),
    "asks for {host}: {count} question{count:plural}": "查询 {host}：{count} 次",
    "{goal} is the Pod itself: the packet never leaves it, and meets no rules": (
        "{goal} 就是该 Pod 自己：数据包不会离开 Pod，也不经过任何规则"
    ),
    "to {goal}: {error}": "到 {goal}：{error}",
    "{source} -> {goal}/{protocol}, by the rules of {node} ({origin})": (
        "{source} -> {goal}/{protocol}，按 {node} 的规则（{origin}）"
    ),
    "{host} is a virtual IP: outside the cluster nobody has a route to it": "{host} 是虚拟 IP：集群外没有到它的路由",
    "virtual IPs exist in rules of nodes only": "虚拟 IP 只存在于节点的规则中",
    "whether more rules or policies apply": "是否还有其他规则或策略生效",
    "possibly: anything, by a rule that is not understood": "可能发生任何情况：有一条无法理解的规则",
    " with probability {chance:.3f}": "，概率 {chance:.3f}",
    ", possibly": "，可能",
    "reaches {point}{pod}": "到达 {point}{pod}",
    "{what}{share}": "{what}{share}",
    " (Pod {pod})": "（Pod {pod}）",
    "is dropped: the client waits": "被丢弃：客户端会一直等待",
    "is refused": "被拒绝",
    "{hook}, table {table}": "{hook}，表 {table}",
    "does not match: {reason}": "不匹配：{reason}",
    "node {node} does not let it pass": "节点 {node} 不放行",
    "whether node {node} lets it pass: {doubt}": "节点 {node} 是否放行：{doubt}",
    "node {node} lets it pass": "节点 {node} 放行",
    "whether a process listens at {point}: it is no endpoint": "是否有进程监听 {point}：它不是端点",
    "the receiver sees {seen} as the sender": "接收方看到的来源地址是 {seen}",
    "an address of {node}": "{node} 的一个地址",
    "the reply goes to {node}, whose connection tracking puts both addresses back": (
        "应答发往 {node}，由它的连接跟踪还原两端地址"
    ),
    "the reply comes straight from {destination}: nothing was translated": "应答直接来自 {destination}：没有做地址转换",
    "the reply passes {node}, whose connection tracking puts {destination} back as its sender": (
        "应答经过 {node}，由它的连接跟踪把来源地址还原为 {destination}"
    ),
    "there are more ways than were looked at": "还有未检查的其他路径",
    # rules
    "accepts it": "接受",
    "drops it": "丢弃",
    "refuses it": "拒绝",
    "returns": "返回",
    "jumps to {chain}": "跳转到 {chain}（会返回）",
    "goes to {chain}": "转到 {chain}（不返回）",
    "sends it to {address} port {port}": "转发到 {address} 端口 {port}",
    "puts {address} in place of the source": "把源地址改为 {address}",
    "an address of the node": "节点的一个地址",
    "sets the mark to {mark:#x}": "把标记设为 {mark:#x}",
    "may do anything": "可能执行任何操作",
    "not read: {text}": "未能读取：{text}",
    "not known: {rule}": "未知：{rule}",
    "not understood": "无法理解",
    "not understood: {text}": "无法理解：{text}",
    "assumed not to match: {text}": "假定不匹配：{text}",
    "chain {chain} calls itself": "链 {chain} 调用了自己",
    "the chain {chain} is not in the dump": "转储中没有链 {chain}",
    "the map has nothing for {words}": "映射中没有 {words} 的条目",
    "the {key} is not known": "{key} 未知",
    "assumed: another {key}": "假定是另一个 {key}",
    "it is of the other family": "它属于另一个地址族",
    "the client was not seen before": "此前没有见过该客户端",
    "the mark is {mark:#x}": "标记为 {mark:#x}",
    "chance": "随机选择",
    # what the kernel did
    "predicted, and not drawn this time: {missing}": "预测可能出现，但这次没有抽到：{missing:、}",
    "sent {count} for real: prediction and kernel {verdict}": "实际发送 {count} 次：预测与内核{verdict}",
    "agree": "一致",
    "DIFFER": "不一致",
    "{count} of {total}: {outcome}": "{total} 次中 {count} 次：{outcome}",
    "{text}, as predicted": "{text}，与预测一致",
    "{text}, not predicted": "{text}，与预测不符",
    "what the kernel does: {error}": "内核的处理结果：{error}",
    "{count} of {total} came by another node than {node}": "{total} 次中有 {count} 次经由 {node} 以外的节点进入",
    "sent {count} for real, where the prediction was not certain": "实际发送 {count} 次，而预测并不确定",
    "the rules of {node}, whose address this is, come next: trace from there as well": (
        "该地址属于 {node}，接下来由它的规则处理：请再从那里追踪"
    ),
    "the kernel's own trace: the rules are those that were predicted": "内核自己的追踪：规则与预测一致",
    "the kernel's own trace: the rules DIFFER from those that were predicted": "内核自己的追踪：规则与预测不一致",
    "the kernel's own trace told of no packet: {error}": "内核自己的追踪没有报告任何数据包：{error}",
    "{count} of {total} met these rules": "{total} 次中有 {count} 次遇到这些规则",
    "{chain}: {what}": "{chain}：{what}",
    "nothing more": "没有更多规则",
    "predicted {expected}; the kernel: {actual}": "预测：{expected}；内核：{actual}",
}
