package main

import (
	"context"

	"k8s.io/component-base/cli"
	kubeproxyapp "k8s.io/kubernetes/cmd/kube-proxy/app"
	kubeletapp "k8s.io/kubernetes/cmd/kubelet/app"
)

// nodePrograms are those that only a real node needs, which only Linux can be.
func nodePrograms() map[string]program {
	return map[string]program{
		"first":      first,
		"inside":     inside,
		"janitor":    janitor,
		"kube-proxy": kubeProxy,
		"kubelet":    kubelet,
		"node-check": nodeCheck,
	}
}

func kubelet() int {
	return cli.Run(kubeletapp.NewKubeletCommand(context.Background()))
}

func kubeProxy() int {
	return cli.Run(kubeproxyapp.NewProxyCommand())
}
