package main

// What others know a real node by.
const (
	nodeName      = "node"
	nodeAddress   = "10.200.0.1"
	kubeletUser   = "kubelet"
	kubeProxyUser = "kube-proxy"
	// in its directory
	containerdSocket = "socket/containerd.sock"
	enforcedFile     = "enforced.json"
)
