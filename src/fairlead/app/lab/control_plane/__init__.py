"""A lab's control plane made of Kubernetes' own programs, which the user has: etcd, kube-apiserver,
kube-controller-manager and kube-scheduler, with flags and certificates of ours."""
