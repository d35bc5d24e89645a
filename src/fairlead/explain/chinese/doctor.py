"""What ``doctor`` finds, and what each kind of finding means."""

from collections.abc import Mapping

_FINDINGS: Mapping[str, str] = {
    # clients and names
    "{client} uses {host}, but its dnsPolicy does not ask the cluster's DNS": (
        "{client} 使用 {host}，但它的 dnsPolicy 不查询集群 DNS"
    ),
    "{client} uses {host}: there is no Service {namespace}/{service}, but one in {elsewhere}": (
        "{client} 使用 {host}：没有 Service {namespace}/{service}，但名字空间 {elsewhere:、} 中有同名 Service"
    ),
    "{client} uses {host}: there is no Service {namespace}/{service}{hint}": (
        "{client} 使用 {host}：没有 Service {namespace}/{service}{hint}"
    ),
    "; {near} is there": "；存在名称相近的 {near}",
    "{client} asks servers outside for {host} before the cluster: it has {count} dots, and ndots is {ndots}": (
        "{client} 会先向集群外的服务器查询 {host}：它有 {count} 个点，而 ndots 为 {ndots}"
    ),
    "{client} uses {host}, which the search list turns into Service {service}": (
        "{client} 使用 {host}，搜索列表把它变成了 Service {service}"
    ),
    "asks for a certificate of": "要求证书属于",
    "sends the Host header": "发送的 Host 头为",
    "{client} {word} {host}, and Service {service} leads to {target}, which is another name": (
        "{client} {word} {host}，而 Service {service} 指向另一个名称 {target}"
    ),
    " ({port} is its {use})": "（{port} 是它的 {use}）",
    "{client} uses port {port} of Service {service}, which has {ports}{note}": (
        "{client} 使用 Service {service} 的端口 {port}，而它只有 {ports:、}{note}"
    ),
    "{client} uses port {port} of the headless Service {service}, whose Pods answer on {numbers}": (
        "{client} 使用无头 Service {service} 的端口 {port}，而它的 Pod 在 {numbers} 上应答"
    ),
    "{client} tries node port {port} of Service {service} on {host}, which is no node's address": (
        "{client} 在 {host} 上访问 Service {service} 的节点端口 {port}，而这不是任何节点的地址"
    ),
    "{client} tries node port {port} of Service {service} on {node}, which has none of its endpoints": (
        "{client} 在 {node} 上访问 Service {service} 的节点端口 {port}，而该节点上没有它的端点"
    ),
    "{text}; it answers on {good}": "{text}；它在 {good:、} 上应答",
    "no node": "任何节点都不",
    "{client} tries port {port} of Service {service} on {node}, where its node port {node_port} answers": (
        "{client} 在 {node} 上访问 Service {service} 的端口 {port}，而那里应答的是节点端口 {node_port}"
    ),
    "Service {service} is an alias of {target}: an address is no name, so DNS has no answer": (
        "Service {service} 是 {target} 的别名：地址不是名称，因此 DNS 没有应答"
    ),
    "Service {service} is an alias of {target}, and there is no such Service{hint}": (
        "Service {service} 是 {target} 的别名，而没有这个 Service{hint}"
    ),
    # exposure
    "clients outside": "集群外的客户端",
    "clients": "客户端",
    " and {count} more": " 等（另有 {count} 个）",
    "{policy} Local of Service {service} drops what {who} send to {names}{more}: no endpoint there": (
        "Service {service} 的 {policy} 为 Local，因此{who}发往 {names:、}{more} 的数据包会被丢弃：那里没有端点"
    ),
    "the load balancer of Service {service} has no address: {why}": "Service {service} 的负载均衡器没有地址：{why}",
    "no node may announce {address} of Service {service}: {why}": (
        "没有节点可以通告 Service {service} 的地址 {address}：{why}"
    ),
    "{nodes} are excluded by a label": "{nodes:、} 被标签排除在外",
    "no Node that is Ready has an endpoint of it": "没有就绪的节点上有它的端点",
    "no Node is Ready and stays": "没有就绪且不会离开的节点",
    "{node} has no BGP session with {router}: {reason}": "{node} 与 {router} 之间没有 BGP 会话：{reason}",
    "of {count} Pod{count:plural} behind Service {service} none can serve: {pod} {state}{reason}": (
        "Service {service} 后面的 {count} 个 Pod 都无法提供服务：{pod} {state}{reason}"
    ),
    "is on its way out": "正在终止",
    "has ended as {phase}": "已结束，阶段为 {phase}",
    "no endpoint that was written for Service {service} is ready, as EndpointSlice {slice_name} shows": (
        "为 Service {service} 写入的端点没有一个就绪，见 EndpointSlice {slice_name}"
    ),
    "{candidate} has no port {target_port}, which others behind Service {service} have: nobody is sent to it": (
        "{candidate} 没有端口 {target_port}，而 Service {service} 后面的其他 Pod 有：不会有连接发给它"
    ),
    "{client} uses {host}: names of this cluster end in {zone}": "{client} 使用 {host}：本集群的名称以 {zone} 结尾",
    "Node {node} has no Pod of {proxy}, and other nodes have one": "节点 {node} 上没有 {proxy} 的 Pod，而其他节点上有",
    "{wanted} belongs to Service {holder}": "{wanted} 属于 Service {holder}",
    "no controller answers for its class {class_name}": "没有控制器负责它的类 {class_name}",
    "no controller in this cluster gives addresses to load balancers": "集群中没有为负载均衡器分配地址的控制器",
    "the virtual IP of Service {owner}": "Service {owner} 的虚拟 IP",
    "taken with port {port} by Service {first}, which comes first": "已由更早的 Service {first} 连同端口 {port} 占用",
    "external IP {ip} of Service {service} is {words}": "Service {service} 的外部 IP {ip} 有冲突：{words}",
    "{ip} is the virtual IP of {first} and of {rest}": "{ip} 同时是 {first} 和 {rest} 的虚拟 IP",
    "the virtual IP {ip} of Service {service} is in no ServiceCIDR": (
        "Service {service} 的虚拟 IP {ip} 不在任何 ServiceCIDR 中"
    ),
    "node port {node_port} is of Service {first} and of {service}": (
        "节点端口 {node_port} 同时属于 Service {first} 和 {service}"
    ),
    "Service {service} is left to the proxy {name}, and no Pod of that name runs: its virtual IP answers nowhere": (
        "Service {service} 交给代理 {name} 处理，但没有运行这个名称的 Pod：它的虚拟 IP 在任何地方都不应答"
    ),
    "the firewall of {node} drops what clients send to node port {node_port} of Service {service}, "
    "at {hook} in {table}": (
        "{node} 的防火墙在 {table} 的 {hook} 处丢弃了客户端发往 Service {service} 节点端口 {node_port} 的数据包"
    ),
    # Pods and policies
    "Pod {pod} behind Service {service} is not ready: {trouble}": (
        "Service {service} 后面的 Pod {pod} 未就绪：{trouble}"
    ),
    "Pod {pod} needs {peer} to become ready, and Service {service} publishes only what is ready": (
        "Pod {pod} 需要 {peer} 才能就绪，而 Service {service} 只发布已就绪的 Pod"
    ),
    "Node {node} is not Ready{why}": "节点 {node} 未就绪{why}",
    "NetworkPolicy {names} isolates the Pods of Service {service}, and no rule opens port {port}": (
        "NetworkPolicy {names} 隔离了 Service {service} 的 Pod，并且没有规则开放端口 {port}"
    ),
    "NetworkPolicy {names} ({side}) keeps Pod {client} from port {port} of Service {service}": (
        "NetworkPolicy {names:、}（{side}）阻止 Pod {client} 访问 Service {service} 的端口 {port}"
    ),
    "NetworkPolicy {name} (Egress) keeps Pod {pod} from DNS, so it finds no name at all": (
        "NetworkPolicy {name}（Egress）阻止 Pod {pod} 访问 DNS，因此它无法解析任何名称"
    ),
    # target ports
    "targetPort {target_port} of Service {service} is no port of {candidate}; it has {ports}": (
        "Service {service} 的 targetPort {target_port} 不是 {candidate} 的端口；它有 {ports:、}"
    ),
    "port {target_port} of {candidate} is {other}, where Service {service} wants {protocol}": (
        "{candidate} 的端口 {target_port} 是 {other}，而 Service {service} 要求 {protocol}"
    ),
    "port {target} of {candidate} is {other}, where Service {service} wants {protocol}": (
        "{candidate} 的端口 {target} 是 {other}，而 Service {service} 要求 {protocol}"
    ),
    "targetPort {target} of Service {service} is no port of {candidate}, which has {ports}": (
        "Service {service} 的 targetPort {target} 不是 {candidate} 的端口，它有 {ports:、}"
    ),
    "{candidate} listens on 127.0.0.1 only ({word}): nobody else can connect to it": (
        "{candidate} 只监听 127.0.0.1（{word}）：其他地址无法连接"
    ),
    "{candidate} listens on {address}:{target} only: nobody else can connect to it": (
        "{candidate} 只监听 {address}:{target}：其他地址无法连接"
    ),
    "nothing in {candidate} listens on port {target}, where Service {service} sends{elsewhere}": (
        "{candidate} 中没有进程监听端口 {target}，而 Service {service} 把流量发到该端口{elsewhere}"
    ),
    "; it listens on {ports}": "；它监听 {ports:、}",
    # selectors
    "the selector {selector} of Service {service} matches no Pod": (
        "Service {service} 的选择算符 {selector} 没有匹配任何 Pod"
    ),
    "{what}; {difference}": "{what}；{difference}",
    "{candidate} has {words: and }": "{candidate} 是 {words:、}",
    "Service {service} leads to two applications: Pod {one} runs {images}, Pod {other} {other_images}": (
        "Service {service} 通向两个应用：Pod {one} 运行 {images}，Pod {other} 运行 {other_images}"
    ),
    "{template} is scaled to 0, so Service {service} has no Pods": (
        "{template} 的副本数为 0，因此 Service {service} 没有 Pod"
    ),
    "{template} wants {replicas} Pod{replicas:plural} and has none{why}": "{template} 期望 {replicas} 个 Pod，但一个也没有{why}",
    "no Pod in {namespace} has {selector}, but {found} in {other} has": (
        "{namespace} 中没有 Pod 带有 {selector}，但 {other} 中的 {found} 带有"
    ),
    # slices
    "EndpointSlice {slice} has no label {label}={name}: Service {service} has no endpoints": (
        "EndpointSlice {slice} 没有标签 {label}={name}：Service {service} 没有端点"
    ),
    "Service {service} has no selector and no EndpointSlice: nobody is behind it": (
        "Service {service} 既没有选择算符，也没有 EndpointSlice：后面没有任何端点"
    ),
    "no port of EndpointSlice {slice} has the name and protocol of one of Service {service}": (
        "EndpointSlice {slice} 没有与 Service {service} 名称和协议相同的端口"
    ),
    "{address} in EndpointSlice {slice} of Service {service} is {fault}": (
        "Service {service} 的 EndpointSlice {slice} 中的 {address} 是{fault}"
    ),
    "loopback, link-local or no address at all: it means a different host on each node": (
        "环回地址、链路本地地址或未指定的地址：在每个节点上所指不同"
    ),
    "the virtual IP of Service {owner}: a virtual IP cannot be an endpoint": (
        " Service {owner} 的虚拟 IP：虚拟 IP 不能作为端点"
    ),
    "EndpointSlice {slice} is for Service {key}, which is not there{hint}": (
        "EndpointSlice {slice} 属于不存在的 Service {key}{hint}"
    ),
    "ready Pods are in no EndpointSlice of Service {service}: {names}": (
        "就绪的 Pod 不在 Service {service} 的任何 EndpointSlice 中：{names:、}"
    ),
    "Service {service} has {families: and }, but no ready endpoint has {lacking}": (
        "Service {service} 有 {families:、}，但没有就绪端点使用 {lacking}"
    ),
    # StatefulSets
    "Service {name}, which {ref} names, is not there: its Pods have no names": (
        "{ref} 指定的 Service {name} 不存在：它的 Pod 没有 DNS 名称"
    ),
    "Service {service}, which {ref} names, is not headless: its Pods have no names of their own": (
        "{ref} 指定的 Service {service} 不是无头 Service：它的 Pod 没有各自的 DNS 名称"
    ),
    "Service {name}, which {ref} names, does not select its Pods: they have no names": (
        "{ref} 指定的 Service {name} 没有选择它的 Pod：这些 Pod 没有 DNS 名称"
    ),
    "Service {service} is headless, so nothing honours its {words}: clients choose by themselves": (
        "Service {service} 是无头 Service，因此 {words} 不起作用：由客户端自己选择端点"
    ),
    # the system
    "there is no DNS Service in {namespace}: no name is answered": "{namespace} 中没有 DNS Service：任何名称都得不到应答",
    "the DNS Service {service} has no ready server: {words}": "DNS Service {service} 没有就绪的服务器：{words}",
    "no server is behind it": "后面没有任何服务器",
    "Pod {pod} is not ready: {trouble}": "Pod {pod} 未就绪：{trouble}",
    "the DNS server {pod} cannot answer for names outside: {line}": "DNS 服务器 {pod} 无法解析集群外的名称：{line}",
    "Pod {pod} asks {servers}, and the cluster's DNS is at {cluster_ips}": (
        "Pod {pod} 向 {servers:、} 查询，而集群 DNS 的地址是 {cluster_ips:、}"
    ),
    "the proxy {pod} of node {node_name} is not ready: {trouble}": "节点 {node_name} 的代理 {pod} 未就绪：{trouble}",
    "{node} has rules of {found: and of }: packets meet both": "{node} 上同时有 {found: 和 } 的规则：数据包会经过两者",
    "the rules of {node} do not know {lacks}: Service {service} does not work there": (
        "{node} 的规则中没有{lacks}：Service {service} 在该节点上不可用"
    ),
    "its virtual IP": "它的虚拟 IP",
    "its endpoints": "它的端点",
    "a UDP flow of {client} to Service {service} leads to {server}, which is none of its endpoints": (
        "{client} 到 Service {service} 的 UDP 流指向 {server}，而它不是该 Service 的端点"
    ),
}

_MEANINGS: Mapping[str, str] = {
    "the cluster has no DNS Service": "集群没有 DNS Service",
    "no server is behind the DNS Service, or none is ready or synced": "DNS Service 后面没有服务器，或没有就绪、已同步的服务器",
    "the DNS server answers SERVFAIL: it cannot reach what it forwards to, or forwards to itself": (
        "DNS 服务器返回 SERVFAIL：它无法访问转发目标，或转发给了自己"
    ),
    "a Pod asks another name server than the cluster's": "Pod 使用的不是集群的域名服务器",
    "a Node is not Ready, so none of its Pods is": "节点未就绪，因此它的所有 Pod 都未就绪",
    "the proxy of a node does not run": "节点的代理没有运行",
    "two proxies have rules on one node": "同一节点上有两个代理的规则",
    "the rules of a node lack a Service or its endpoints": "节点的规则缺少某个 Service 或其端点",
    "a rule of the host drops what the proxy would forward": "主机的规则丢弃了代理要转发的数据包",
    "two Services have one virtual IP, or a Service's is out of its range": (
        "两个 Service 使用同一个虚拟 IP，或虚拟 IP 超出范围"
    ),
    "two Services have one node port": "两个 Service 使用同一个节点端口",
    "an external IP belongs to another Service or to a node": "外部 IP 属于另一个 Service 或某个节点",
    "the Pods that the selector means are in another Namespace": "选择算符所指的 Pod 在另一个名字空间",
    "the selector matches no Pod": "选择算符没有匹配任何 Pod",
    "the workload behind the Service has no Pods": "Service 后面的工作负载没有 Pod",
    "the Service that a StatefulSet names is not there": "StatefulSet 指定的 Service 不存在",
    "the Service that a StatefulSet names is not headless": "StatefulSet 指定的 Service 不是无头 Service",
    "the Service that a StatefulSet names selects other Pods": "StatefulSet 指定的 Service 选择了其他 Pod",
    "Pods must find each other before they are ready, and are not published until then": (
        "Pod 必须先找到彼此才能就绪，而未就绪时不会被发布"
    ),
    "Pods behind the Service are not ready": "Service 后面的 Pod 未就绪",
    "some Pods behind the Service fail": "Service 后面的部分 Pod 失败",
    "no container has a port of the name that targetPort gives": "没有容器定义 targetPort 所指名称的端口",
    "the container's port is of another protocol": "容器端口使用另一种协议",
    "the process listens on 127.0.0.1 only": "进程只监听 127.0.0.1",
    "no process listens on the target port": "没有进程监听目标端口",
    "targetPort is none of the ports that the containers declare": "targetPort 不在容器声明的端口之中",
    "a slice that is meant for the Service lacks its label": "为该 Service 准备的切片缺少标签",
    "the ports of a slice do not fit those of the Service": "切片的端口与 Service 的端口不符",
    "an address of a slice can be nobody's endpoint": "切片中的某个地址不可能是端点",
    "a slice belongs to a Service that is not there": "切片属于不存在的 Service",
    "the Service has no selector, and nobody has written endpoints for it": "Service 没有选择算符，也没有人为它写入端点",
    "ready Pods are missing from the slices: nobody updates them": "切片中缺少就绪的 Pod：没有组件更新切片",
    "the Service has two IP families, and endpoints in one only": "Service 有两个 IP 地址族，但只在一个地址族中有端点",
    "Pods of two applications are behind one selector": "同一个选择算符后面有两个应用的 Pod",
    "a label gives the Service to a proxy that does not run": "标签把 Service 交给了没有运行的代理",
    "a traffic policy Local turns clients away on nodes without endpoints": (
        "流量策略 Local 使没有端点的节点拒绝客户端"
    ),
    "the load balancer has no address": "负载均衡器没有地址",
    "no node may announce the load balancer's address": "没有节点可以通告负载均衡器的地址",
    "a node has no BGP session with a router that it is to tell of addresses": "节点与应向其通告地址的路由器之间没有 BGP 会话",
    "NetworkPolicies let nobody reach the target port": "NetworkPolicy 不允许任何来源访问目标端口",
    "a NetworkPolicy keeps a Pod from asking DNS": "NetworkPolicy 阻止 Pod 查询 DNS",
    "a NetworkPolicy keeps a client from a Service that it uses": "NetworkPolicy 阻止客户端访问它所用的 Service",
    "an ExternalName leads nowhere": "ExternalName 指向不存在的目标",
    "an ExternalName is an address, which DNS cannot use": "ExternalName 是地址，DNS 无法使用",
    "TLS through an ExternalName: the certificate is for another name": "通过 ExternalName 使用 TLS：证书属于另一个名称",
    "HTTP through an ExternalName: the Host header is not the one that the server knows": (
        "通过 ExternalName 使用 HTTP：Host 头不是服务器认识的名称"
    ),
    "a client uses a short name of a Service in another Namespace": "客户端用短名称访问另一个名字空间的 Service",
    "a client uses a name that no Service has": "客户端使用的名称不属于任何 Service",
    "a cluster name is asked outside first": "集群内的名称先被拿到集群外查询",
    "a name of the outside world is answered by a Service": "集群外的名称由某个 Service 应答",
    "a Pod that does not use cluster DNS uses a cluster name": "不使用集群 DNS 的 Pod 使用了集群内的名称",
    "a client uses a port that the Service does not have": "客户端使用了 Service 没有的端口",
    "a client tries a node port where it does not answer": "客户端在不应答的地址上访问节点端口",
    "a client uses the Service's port of a headless Service, where only the Pods' answers": (
        "客户端使用无头 Service 的 Service 端口，而只有 Pod 的端口应答"
    ),
    "a headless Service is expected to balance": "期望无头 Service 做负载均衡",
    "UDP flows lead to endpoints that are gone": "UDP 流指向已消失的端点",
}

DOCTOR: Mapping[str, str] = {**_FINDINGS, **_MEANINGS}
