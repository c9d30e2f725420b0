package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kwokresource "sigs.k8s.io/kwok/kustomize/metrics/resource"
	kwoknode "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	kwokheartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	kwokpod "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
)

// The behaviour of pods, and how much CPU and memory they seem to use.
var (
	//go:embed kwok/pods.yaml
	podStages string
	//go:embed kwok/fates.yaml
	fateStages string
	//go:embed kwok/usage.yaml
	podUsage string
)

// What the stages have in common: two questions about a pod, in jq, and why a
// condition is false.
const (
	fate = `(.metadata.annotations["kwok.msapp.test/fate"])` +
		` // (if ([.spec.containers[].image | test("no-such-image")] | any) then "no-such-image"` +
		` elif ([.spec.containers[].image | test("crash")] | any) then "crash" else "none" end)`
	runningUnready = `[.status.containerStatuses[]? | select(.state.running != null and .ready == false)] | length > 0 | tostring`
	unready        = `reason: ContainersNotReady, message: "containers with unready status"`
)

const (
	simulatedNode = "kwok.x-k8s.io/node"
	zones         = 3
)

// raiseNodes starts KWOK, which plays the kubelet of every simulated node, and
// creates the nodes.
func (p *plane) raiseNodes(stop <-chan struct{}) error {
	config := p.state.path("kwok.yaml")
	if err := os.WriteFile(config, []byte(kwokConfig(p.options.podStart)), 0o600); err != nil {
		return err
	}
	if err := p.children.start("kwok", p.kwokArguments(config)...); err != nil {
		return err
	}
	ctx := context.Background()
	for i := range p.options.nodes {
		if _, err := p.client.CoreV1().Nodes().Create(ctx, node(i), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return p.await("the nodes", stop, func(ctx context.Context) bool {
		nodes, err := p.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		return err == nil && readyNodes(nodes.Items) == p.options.nodes
	})
}

// kwokConfig puts all stages into one file: KWOK uses either its own or those
// it is given, so its own node stages are listed here too.
func kwokConfig(podStart time.Duration) string {
	stages := strings.Join([]string{
		kwoknode.DefaultNodeInit,
		kwokheartbeat.DefaultNodeHeartbeatWithLease,
		kwokpod.DefaultPodComplete,
		kwokpod.DefaultPodDelete,
		kwokresource.DefaultMetricsResource,
		podStages,
		fateStages,
		podUsage,
	}, "\n---\n")
	return strings.NewReplacer(
		"$FATE", fate,
		"$RUNNING_UNREADY", runningUnready,
		"$UNREADY", unready,
		"$START_DELAY_AT_MOST", fmt.Sprint(podStart.Milliseconds()),
		"$START_DELAY", fmt.Sprint(podStart.Milliseconds()/2),
	).Replace(stages)
}

func (p *plane) kwokArguments(config string) []string {
	return []string{
		"--kubeconfig=" + p.kubeconfig(kwokUser),
		"--config=" + config,
		"--manage-all-nodes=false",
		"--manage-nodes-with-annotation-selector=" + simulatedNode + "=fake",
		"--node-ip=127.0.0.1",
		fmt.Sprintf("--node-port=%d", p.ports.kwok),
		fmt.Sprintf("--server-address=127.0.0.1:%d", p.ports.kwok),
		"--tls-cert-file=" + p.state.path(kwokUser+".crt"),
		"--tls-private-key-file=" + p.state.path(kwokUser+".key"),
		"--cidr=10.0.0.1/16",
		"--node-lease-duration-seconds=40",
	}
}

// node describes one large machine; the zones take turns.
func node(number int) *corev1.Node {
	name := fmt.Sprintf("node-%d", number)
	size := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("64"),
		corev1.ResourceMemory:           resource.MustParse("256Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("1Ti"),
		corev1.ResourcePods:             resource.MustParse("500"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Annotations: map[string]string{
				simulatedNode: "fake",
				// where metrics-server finds KWOK's figures for this node
				"metrics.k8s.io/resource-metrics-path": "/metrics/nodes/" + name + "/metrics/resource",
			},
			Labels: map[string]string{
				corev1.LabelHostname:     name,
				corev1.LabelOSStable:     "linux",
				corev1.LabelArchStable:   "amd64",
				corev1.LabelTopologyZone: fmt.Sprintf("zone-%d", number%zones),
			},
		},
		Status: corev1.NodeStatus{Allocatable: size, Capacity: size},
	}
}

// readyNodes counts the nodes on which the scheduler would place a pod.
func readyNodes(nodes []corev1.Node) int {
	count := 0
	for _, node := range nodes {
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue && len(node.Spec.Taints) == 0 {
				count++
			}
		}
	}
	return count
}
