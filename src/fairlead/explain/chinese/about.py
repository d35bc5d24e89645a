"""What ``explain`` and ``diff`` say of Services, Pods, Nodes, slices and addresses."""

from collections.abc import Mapping

ABOUT: Mapping[str, str] = {
    # Services
    "Service {service}: {kind}": "Service {service}：{kind}",
    "headless": "无头",
    "{kind}, without selector": "{kind}，没有选择算符",
    "is headless: names of its endpoints, and no virtual IP over them": "无头：只有各端点的名称，前面没有虚拟 IP",
    "type {type} stacks {count} layer{count:plural}": "类型 {type} 由 {count} 层叠加而成",
    "a virtual IP inside the cluster": "集群内部的虚拟 IP",
    "a port of every node, which leads to the same endpoints": "每个节点上的一个端口，通向相同的端点",
    "an address outside, from which a load balancer leads to the nodes": "集群外的一个地址，负载均衡器由此把流量送到节点",
    "an alias in DNS: no address, no port, no proxy": "DNS 中的别名：没有地址、端口，也不经过代理",
    "what would change it": "怎样改变这种行为",
    "labels of Pods, and their readiness: they decide who is an endpoint": "Pod 的标签和就绪状态：它们决定谁是端点",
    "without clusterIP: None (a new Service) the nodes would balance": (
        "不设置 clusterIP: None（需要新建 Service），就由节点做负载均衡"
    ),
    "externalTrafficPolicy: Local keeps the client's address, and answers only where endpoints are": (
        "externalTrafficPolicy: Local 会保留客户端地址，并且只有存在端点的节点才应答"
    ),
    "publishNotReadyAddresses: true publishes Pods that are not ready as well": (
        "publishNotReadyAddresses: true 会把未就绪的 Pod 也发布出去"
    ),
    # where it answers
    "answers on": "应答的地址和端口",
    "answers on no port: it has none": "不在任何端口应答：没有定义端口",
    "answers on no address: names lead to {target}": "不在任何地址应答：名称指向 {target}",
    "nothing": "空",
    "answers on no address of its own: each endpoint answers on its own address and port": (
        "没有自己的应答地址：每个端点在各自的地址和端口上应答"
    ),
    "a client must choose an endpoint by itself: nothing balances its connections": (
        "客户端必须自己选择端点：没有任何组件为它的连接做负载均衡"
    ),
    "it must ask DNS again to learn of new endpoints: the answer may be kept for its TTL, and no longer": (
        "客户端必须重新查询 DNS 才能得知新的端点：应答最多只能缓存到 TTL 结束"
    ),
    "it must try another address when one fails: an endpoint that is gone is not hidden": (
        "某个地址失败时，客户端必须换另一个地址重试：已消失的端点不会被隐藏"
    ),
    "it must use the Pods' port {target}, not {port}: nothing translates ports; SRV records tell it": (
        "客户端必须使用 Pod 的端口 {target}，而不是 {port}：没有组件转换端口；SRV 记录会给出该端口"
    ),
    "another proxy is to serve it: {name}": "应由另一个代理为它服务：{name}",
    "its virtual IP is not known: the API server gives it one when the Service is created": (
        "虚拟 IP 未知：创建 Service 时由 API 服务器分配"
    ),
    "{point}/{protocol}: from Pods and nodes, never from outside": "{point}/{protocol}：可从 Pod 和节点访问，不能从集群外访问",
    "to whom it leads": "通向哪些端点",
    "refused: no endpoint is ready": "拒绝连接：没有就绪的端点",
    "endpoints of the client's own node only": "仅客户端所在节点上的端点",
    "to {targets}": "通向 {targets:、}",
    "{point}/{protocol}: from wherever packets for {ip} reach a node": (
        "{point}/{protocol}：只要发往 {ip} 的数据包能到达某个节点即可访问"
    ),
    "its load balancer has no address yet": "负载均衡器还没有地址",
    "which nodes may announce it": "哪些节点可以通告它",
    "no node may announce it: none is Ready, allowed to, and has an endpoint where it needs one": (
        "没有节点可以通告它：没有一个节点既就绪又被允许，并且在需要时有端点"
    ),
    "which node attracts it: no Event of the Service says so; {nodes} may": (
        "由哪个节点吸引流量未知：Service 的 Event 中没有说明；可以通告的节点有 {nodes:、}"
    ),
    "{nodes} attract it, by {protocol}": "流量由 {nodes:、} 吸引，方式为 {protocol}",
    "from {ranges}": "允许的来源：{ranges:、}",
    "from outside and inside": "集群内外均可访问",
    "{where}, ports {ports}: {who}": "{where}，端口 {ports}：{who}",
    "on which addresses node port {node_port}/{protocol} answers": "节点端口 {node_port}/{protocol} 在哪些地址上应答",
    "node port {node_port}/{protocol}, from outside and inside; externalTrafficPolicy {policy}: {rest}": (
        "节点端口 {node_port}/{protocol}，集群内外均可访问；externalTrafficPolicy 为 {policy}：{rest}"
    ),
    "the client's address is kept": "保留客户端地址",
    "endpoints see the node's address": "端点看到的是节点地址",
    "{node}: no InternalIP is known": "{node}：不知道它的 InternalIP",
    "{where} on {node}": "{node} 上的 {where}",
    "{where} on {node}, if there are endpoints": "{node} 上的 {where}（如果有端点）",
    "{where}, to its own endpoints only": "{where}，只通向本节点的端点",
    "{where} does not answer: no endpoint on this node": "{where} 不应答：该节点上没有端点",
    "{where} is refused: no endpoint anywhere": "{where} 拒绝连接：任何节点上都没有端点",
    # endpoints
    "no endpoints: an ExternalName is an alias in DNS and nothing else": "没有端点：ExternalName 只是 DNS 中的别名",
    "endpoints: {count}": "端点：{count}",
    "{ready} ready of {all}": "{all} 个中有 {ready} 个就绪",
    "not known": "未知",
    "none": "无",
    "which endpoints the cluster has written down": "集群记录了哪些端点",
    "no EndpointSlice has the label kubernetes.io/service-name={service}": (
        "没有 EndpointSlice 带有标签 kubernetes.io/service-name={service}"
    ),
    "EndpointSlices": "EndpointSlice",
    "{slice} ({address_type}): port {ports}": "{slice}（{address_type}）：端口 {ports}",
    "{address}{target}{where}: {state}": "{address}{target}{where}：{state}",
    "no address": "没有地址",
    " on {node}": "，位于 {node}",
    "ready": "就绪",
    "not ready": "未就绪",
    "draining": "正在排空",
    "no selector: its EndpointSlices are written by hand, or by another controller": (
        "没有选择算符：它的 EndpointSlice 由人工或其他控制器写入"
    ),
    "which Pods the selector matches": "选择算符匹配哪些 Pod",
    "Pods that the selector {selector} matches: {count}": "选择算符 {selector} 匹配的 Pod：{count} 个",
    "{kind} {template} wants {replicas} that would match": "{kind} {template} 期望 {replicas} 个匹配的 Pod",
    "Pod {pod}: in, {ips}": "Pod {pod}：是端点，{ips:、}",
    "Pod {pod}: in, once it runs and is ready (this is only its manifest)": (
        "Pod {pod}：运行并就绪后会成为端点（这里只有它的清单）"
    ),
    "Pod {pod}: out, it has finished": "Pod {pod}：不是端点，它已结束运行",
    "Pod {pod}: out, it has no address yet": "Pod {pod}：不是端点，它还没有地址",
    "Pod {pod}: out, it has no address of the Service's family": "Pod {pod}：不是端点，它没有该 Service 所用地址族的地址",
    "Pod {pod}: out, no container has a port named {named}": "Pod {pod}：不是端点，没有容器定义名为 {named} 的端口",
    "Pod {pod}: out, it is being deleted": "Pod {pod}：不是端点，它正在被删除",
    "Pod {pod}: out, not ready": "Pod {pod}：不是端点，尚未就绪",
    "Pod {pod}: out, it has {has} where the selector wants {key}={value}": (
        "Pod {pod}：不是端点，选择算符要求 {key}={value}，而它是 {has}"
    ),
    "no label {key}": "没有标签 {key}",
    # slices, nodes, sets
    "EndpointSlice {slice}": "EndpointSlice {slice}",
    "belongs to no Service: nobody reads it": "不属于任何 Service：没有组件会读取它",
    "whether the Service {key} is there": "Service {key} 是否存在",
    "there is no Service {key}": "Service {key} 不存在",
    "belongs to Service {key}": "属于 Service {key}",
    "Node {node}": "Node {node}",
    "is {state}": "{state}",
    "has the addresses {addresses}": "地址为 {addresses:、}",
    "its Pods": "它的 Pod",
    "runs {count} Pod{count:plural}, {ready} of them ready": "运行 {count} 个 Pod，其中 {ready} 个就绪",
    "which node ports answer": "哪些节点端口应答",
    "{point}/{protocol}: Service {service}": "{point}/{protocol}：Service {service}",
    "node ports: {count}": "节点端口：{count} 个",
    "StatefulSet {key}": "StatefulSet {key}",
    "whether the Service {name} is there": "Service {name} 是否存在",
    "(none named)": "（未指定）",
    "there is no Service {name}: its Pods have no names": "Service {name} 不存在：它的 Pod 没有 DNS 名称",
    "Service {name} is not headless: its Pods have no names of their own": (
        "Service {name} 不是无头 Service：它的 Pod 没有各自的 DNS 名称"
    ),
    "Service {name} governs it": "由 Service {name} 管理",
    "{name}: Pods were not read": "{name}：未读取 Pod",
    "{name}: its Pod is not there": "{name}：对应的 Pod 不存在",
    "{name}: {ips}{state}": "{name}：{ips:、}{state}",
    "no address yet": "还没有地址",
    ", not ready": "，未就绪",
    # Pods
    "Pod {pod}": "Pod {pod}",
    "has no address yet": "还没有地址",
    "has the address {ips}{where}": "地址为 {ips:、}{where}",
    " on node {node}": "，位于节点 {node}",
    "name {name}": "名称 {name}",
    "is ready": "已就绪",
    "is not ready": "未就绪",
    "which Services select it": "哪些 Service 选择它",
    "Service {service}": "Service {service}",
    "is selected by {count} Service{count:plural}": "被 {count} 个 Service 选择",
    "name {name}, if the Service {subdomain} is there": "名称 {name}（如果 Service {subdomain} 存在）",
    "name {name} does not exist: there is no Service {subdomain}": "名称 {name} 不存在：没有 Service {subdomain}",
    # why a Pod is not ready
    "container {name}: {why}{ended}": "容器 {name}：{why}{ended}",
    "; it ended before with {ending}": "；上一次以 {ending} 结束",
    "container {name} has ended with {ending}": "容器 {name} 已结束：{ending}",
    "its readiness gate {kind} is not True": "它的就绪门控 {kind} 不为 True",
    "its Node {node} is not Ready": "它所在的节点 {node} 未就绪",
    "no reason given": "没有给出原因",
    "no condition Ready": "没有 Ready 状况",
    # addresses and ports
    "{address} port {port}": "{address} 端口 {port}",
    "who else may have it": "还有谁可能使用它",
    "nobody in the cluster has this address": "集群中没有对象使用此地址",
    "nobody in the cluster has this address with this port": "集群中没有对象使用此地址和端口",
    "Pod {key}": "Pod {key}",
    "an endpoint of Service {key}": "Service {key} 的端点",
    "{word} of Service {service}": "Service {service} 的{word}",
    "the virtual IP": "虚拟 IP",
    "an external IP": "外部 IP",
    "the load balancer address": "负载均衡器地址",
    " (it is a node port: it answers on nodes)": "（它是节点端口：在节点上应答）",
    "{text}, which has no port {port}{node_port}; it has {ports}": "{text}，但它没有端口 {port}{node_port}；有 {ports:、}",
    "node port of Service {service}": "Service {service} 的节点端口",
    "who uses it": "谁在使用它",
    "{path} {port}/{protocol} of Service {service}": "Service {service} 的 {path} {port}/{protocol}",
    "port {port}: {count} use{count:plural}": "端口 {port}：{count} 处使用",
    # rules
    "rules on {node}": "{node} 上的规则",
    "any node without endpoints": "任一没有端点的节点",
    "no rules: it has no virtual IP": "没有规则：它没有虚拟 IP",
    "its rules: they begin with its virtual IP, which is not known": "它的规则：规则从虚拟 IP 开始，而虚拟 IP 未知",
    "computed for {node}": "为 {node} 计算得出",
    "{backend}: {count} lines": "{backend}：{count} 行",
    # why there are rules
    "packets for endpoints may pass this node": "允许发往端点的数据包经过本节点",
    "marks packets that are to leave with the node's address": "标记需要以节点地址发出的数据包",
    "gives packets that are marked the node's address": "把带标记的数据包的源地址改为节点地址",
    "to one endpoint; an endpoint that reaches itself is seen as the node": "通向一个端点；端点访问自己时，来源显示为节点",
    "from outside the cluster": "来自集群外",
    "chooses an endpoint": "选择一个端点",
    "chooses an endpoint of this node": "选择本节点的一个端点",
    "admits only the sources that the Service allows": "只放行该 Service 允许的来源",
    "an address of this node on which node ports answer": "本节点上节点端口应答的地址",
    # what a change would do
    "what the change would do": "此变更的影响",
    "nothing that a client could notice changes": "客户端不会察觉任何变化",
    "whether more changes": "是否还有其他变化",
    "Service {key} is new": "新增 Service {key}",
    "Service {key} goes": "删除 Service {key}",
    "Service {key} changes": "Service {key} 有变化",
    "ready endpoints {count}: {words}": "就绪端点 {count}：{words:、}",
    "{name} stops answering: it was {was}": "{name} 不再应答：原来是 {was}",
    "{point} stops answering: it led to {was}": "{point} 不再应答：原来通向 {was}",
    "{name}: {was} -> {will}": "{name}：{was} -> {will}",
    "nobody": "无",
    "rules on {node} ({backend}): {come} lines come, {go} go": "{node} 上的规则（{backend}）：增加 {come} 行，删除 {go} 行",
    "new: {finding}": "新问题：{finding}",
    "fix: {fix}": "修复：{fix}",
    "put right: {text}": "已解决：{text}",
}
