"""A lab's control plane of Kubernetes' own programs, which the user provides: etcd, kube-apiserver,
kube-controller-manager and kube-scheduler, with flags and certificates from Fairlead."""
