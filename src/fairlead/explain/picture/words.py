"""The fixed words of a picture, in each language of the page."""

from collections.abc import Callable

from fairlead.explain.languages import LANGUAGES
from fairlead.model.phrases import filled

Words = Callable[..., str]

_WORDS: dict[str, tuple[str, str]] = {
    "nodes": ("Nodes and the outside", "节点与外部"),
    "nodes-summary": ("{ready} of {all} Node{all:plural} ready", "{all} 个节点中 {ready} 个就绪"),
    "outside": ("Outside", "外部"),
    "outside-line": ("clients beyond the cluster", "集群之外的客户端"),
    "outside-label": ("The outside: clients beyond the cluster", "外部 (集群之外的客户端)"),
    "zone": ("zone {zone}", "可用区 {zone}"),
    "pods-on": ("{ready} of {all} Pod{all:plural} ready", "{all} 个 Pod 中 {ready} 个就绪"),
    "space-summary": (
        "{services} Service{services:plural}, {pods} Pod{pods:plural}",
        "{services} 个 Service · {pods} 个 Pod",
    ),
    "space-trouble": ("{count} without a ready endpoint", "{count} 个没有就绪端点"),
    "clients": ("Clients", "客户端"),
    "clients-line": ("Pods behind no Service", "不属于任何 Service 的 Pod"),
    "ready-of": ("{ready} of {all} ready", "{ready}/{all} 就绪"),
    "no-endpoint": ("no endpoint", "没有端点"),
    "no-slice": ("no slice", "没有切片"),
    "not-read": ("endpoints not read", "未读取端点"),
    "name": ("name", "名称"),
    "virtual-ip": ("virtual IP", "虚拟 IP"),
    "node-port": ("node port {port}", "节点端口 {port}"),
    "from-outside": ("every node, from outside", "每个节点 · 可从外部访问"),
    "external-ip": ("external IP", "外部 IP"),
    "load-balancer": ("load balancer", "负载均衡器"),
    "pending": ("no address yet", "还没有地址"),
    "answers-pods": ("answers with Pods' addresses", "返回各 Pod 的地址"),
    "alias": ("alias outside the cluster", "集群外的别名"),
    "alias-line": ("a name outside the cluster", "集群外的名称"),
    "ready": ("ready", "就绪"),
    "waiting": ("not ready", "未就绪"),
    "failed": ("failed", "失败"),
    "unknown": ("not known", "未知"),
    "ending": ("ending", "正在终止"),
    "as-written": ("as written", "仅清单"),
    "empty": ("Nothing to show", "没有可显示的内容"),
    "empty-line": ("no Service or Pod fits the filter", "没有符合筛选条件的 Service 或 Pod"),
    "map": ("Map of Services", "Service 地图"),
    "station-object": ("changed in the API", "变更写入 API"),
    "station-status": ("Pod changed in the API", "Pod 变更写入 API"),
    "station-slice": ("EndpointSlice written", "EndpointSlice 写入"),
    "station-names": ("DNS answers by it", "DNS 开始应答"),
    "station-rules": ("rules in the kernel", "内核规则生效"),
    "heard-here": ("heard by this page", "由本页面获知"),
    "doctor": ("Findings of the doctor", "诊断结果"),
    "fine": ("Nothing wrong was found.", "没有发现问题。"),
    "not-checked": ("Not checked", "未检查"),
    "fold": ("fold", "折叠"),
    "unfold": ("unfold", "展开"),
    "headless": ("headless", "无头"),
    "without-selector": ("{kind}, without selector", "{kind} · 没有选择算符"),
    "question": ("asks for a name", "查询名称"),
    "dropped": ("dropped", "丢弃"),
    "refused": ("refused", "拒绝"),
    "certain": ("always", "必然"),
    "journey": ("Way of the packet", "数据包的路径"),
    "kernel": ("kernel: {count} of {total}", "内核: {count}/{total}"),
    "no-packet": ("no packet is sent", "没有发送数据包"),
}


def words_in(language: str) -> Words:
    """A function from a key and values to words."""
    column = LANGUAGES.index(language) if language in LANGUAGES else 0

    def word(key: str, /, **values: object) -> str:
        return filled(_WORDS[key][column], values)

    return word
