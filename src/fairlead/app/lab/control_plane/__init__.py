"""A lab's control plane of Kubernetes' own programs, which the user provides: etcd, kube-apiserver,
kube-controller-manager and kube-scheduler. Fairlead provides the flags and certificates."""
