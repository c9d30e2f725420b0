package main

import (
	"context"
	_ "embed"
	"fmt"
	"os/exec"
	"strings"
)

//go:embed metrics-api.yaml
var metricsAPI string

// raiseMetrics starts metrics-server beside the API server and registers it.
func (p *plane) raiseMetrics(stop <-chan struct{}) error {
	if err := p.children.start("metrics-server", p.metricsArguments()...); err != nil {
		return err
	}
	apply := exec.Command(p.children.binary, "kubectl", "--kubeconfig="+p.kubeconfig(admin), "apply", "-f", "-")
	apply.Env = []string{"KUBECACHEDIR=" + p.state.path("kubectl-cache")}
	apply.Stdin = strings.NewReader(strings.ReplaceAll(metricsAPI, "$PORT", fmt.Sprint(p.ports.metrics)))
	if output, err := apply.CombinedOutput(); err != nil {
		return fmt.Errorf("register the metrics API: %w\n%s", err, output)
	}
	return p.await("the metrics API", stop, func(ctx context.Context) bool {
		_, err := p.client.Discovery().RESTClient().Get().AbsPath("/apis/metrics.k8s.io/v1beta1").DoRaw(ctx)
		return err == nil
	})
}

func (p *plane) metricsArguments() []string {
	kubeconfig := p.kubeconfig(admin)
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", p.ports.metrics),
		"--cert-dir=" + p.state.path("metrics"),
		"--kubelet-insecure-tls",
		"--kubelet-use-node-status-port",
		"--kubelet-preferred-address-types=InternalIP",
		// 10 s is the least it takes; a request must end before the next round.
		"--metric-resolution=10s",
		"--kubelet-request-timeout=2s",
	}
}
