"""What NetworkPolicies let through."""

from collections.abc import Mapping

POLICIES: Mapping[str, str] = {
    "NetworkPolicies": "NetworkPolicy",
    "which NetworkPolicies apply": "哪些 NetworkPolicy 生效",
    "no NetworkPolicy isolates it": "没有 NetworkPolicy 隔离它",
    "no NetworkPolicy isolates it: it uses its node's network": "没有 NetworkPolicy 隔离它：它使用节点的网络",
    "{direction} of Pod {pod}": "Pod {pod} 的 {direction}",
    "{end}: NetworkPolicy {policy} lets it through, by rule {rule}: {words}": (
        "{end}：NetworkPolicy {policy} 的第 {rule} 条规则放行：{words}"
    ),
    "{end}: NetworkPolicy {names} ({direction}) keeps it away: no rule lets it through": (
        "{end}：NetworkPolicy {names}（{direction}）不放行：没有匹配的规则"
    ),
    "{policy} lets {allowed}": "{policy} 允许{allowed}",
    "{verb} what is {rules:; }": "{verb}：{rules:；}",
    "nothing {verb}": "{verb}：无",
    "in": "进入",
    "out": "发出",
    "{direction} is isolated by NetworkPolicy {names}": "{direction} 被 NetworkPolicy {names} 隔离",
    "{whose}lets nothing {verb}": "{whose}不允许任何流量{verb}",
    "{whose}rule {number} lets {verb} what is {rule}": "{whose}第 {number} 条规则允许{verb}：{rule}",
    "NetworkPolicy {policy}": "NetworkPolicy {policy}",
    "selects {count} Pod{count:plural}: {names}": "选择 {count} 个 Pod：{names:、}",
    "which Pods it selects": "它选择哪些 Pod",
    "{direction}: does not isolate them": "{direction}：不隔离它们",
    "{direction}: {what}": "{direction}：{what}",
    "allows nothing": "不允许任何流量",
    "allows what {count} rule{count:plural} say": "只允许 {count} 条规则所列的流量",
    "from {who: or }, on {where: or }": "来自 {who: 或 }，端口 {where: 或 }",
    "to {who: or }, on {where: or }": "发往 {who: 或 }，端口 {where: 或 }",
    "anybody": "任意来源",
    "anywhere": "任意目的地",
    "any port": "任意端口",
    "any {protocol} port": "任意 {protocol} 端口",
    "{cidr}{excepts}": "{cidr}{excepts}",
    " except {excepts}": "（除 {excepts:、} 外）",
    "Pods {selector}": "Pod {selector}",
    "all Pods": "所有 Pod",
    "all": "全部",
    "{pods} of this Namespace": "本名字空间中的 {pods}",
    "{pods} of {spaces}": "{spaces} 中的 {pods}",
    "Namespaces {words}": "名字空间 {words}",
    "any Namespace": "任意名字空间",
}
