package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	auditLog    = "audit.log"
	auditPolicy = "audit-policy.yaml"
	serviceCIDR = "10.96.0.0/16"
	podCIDR     = "10.244.0.0/16"
	tokenIssuer = "https://kubernetes.default.svc.cluster.local"
)

//go:embed audit-policy.yaml
var auditPolicyYAML []byte

// raiseAPIServer starts etcd and kube-apiserver.
func (p *plane) raiseAPIServer(stop <-chan struct{}) error {
	if err := os.WriteFile(p.state.path(auditPolicy), auditPolicyYAML, 0o600); err != nil {
		return err
	}
	if err := p.children.start("etcd", p.etcdArguments()...); err != nil {
		return err
	}
	if err := p.children.start("kube-apiserver", p.apiServerArguments()...); err != nil {
		return err
	}
	return p.await("the API server", stop, func(ctx context.Context) bool {
		answer, err := p.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err == nil && string(answer) == "ok"
	})
}

// raiseControllers starts kube-controller-manager and kube-scheduler. They
// read a ConfigMap at their start that only a ready API server lets them read.
func (p *plane) raiseControllers(stop <-chan struct{}) error {
	if err := p.children.start("kube-controller-manager", p.controllerArguments()...); err != nil {
		return err
	}
	if err := p.children.start("kube-scheduler", p.schedulerArguments()...); err != nil {
		return err
	}
	return p.await("the controllers", stop, func(ctx context.Context) bool {
		_, err := p.client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err == nil
	})
}

// etcdArguments ask for speed and not for safety: the data lives as long as
// the processes.
func (p *plane) etcdArguments() []string {
	peer := fmt.Sprintf("http://127.0.0.1:%d", p.ports.etcdPeer)
	return []string{
		"--name=e2e",
		"--data-dir=" + p.state.path("etcd"),
		"--listen-client-urls=" + p.etcd(),
		"--advertise-client-urls=" + p.etcd(),
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=e2e=" + peer,
		"--heartbeat-interval=20",
		"--election-timeout=200",
		"--unsafe-no-fsync",
		"--quota-backend-bytes=2147483648",
		"--log-level=warn",
	}
}

func (p *plane) apiServerArguments() []string {
	file := p.state.path
	arguments := []string{
		"--etcd-servers=" + p.etcd(),
		fmt.Sprintf("--secure-port=%d", p.ports.apiServer),
		"--service-cluster-ip-range=" + serviceCIDR,
		"--tls-cert-file=" + file("kube-apiserver.crt"),
		"--tls-private-key-file=" + file("kube-apiserver.key"),
		"--client-ca-file=" + file("ca.crt"),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement",
		"--service-account-issuer=" + tokenIssuer,
		"--service-account-key-file=" + file(tokenKey),
		"--service-account-signing-key-file=" + file(tokenKey),
		"--kubelet-client-certificate=" + file(admin+".crt"),
		"--kubelet-client-key=" + file(admin+".key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + file("front-proxy-ca.crt"),
		"--requestheader-allowed-names=" + frontProxy,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + file(frontProxy+".crt"),
		"--proxy-client-key-file=" + file(frontProxy+".key"),
		// A request's line is written by its own handler, not some time later.
		"--audit-policy-file=" + file(auditPolicy),
		"--audit-log-path=" + file(auditLog),
		"--audit-log-mode=blocking",
		"--audit-log-maxsize=10240",
		"--allow-privileged=true",
		"--profiling=false",
	}
	return append(arguments, p.nodeArguments()...)
}

// nodeArguments depend on the nodes: pods of a real one come to the API server
// by the Service `kubernetes`.
func (p *plane) nodeArguments() []string {
	if p.options.real {
		return []string{"--bind-address=0.0.0.0", "--advertise-address=" + nodeAddress}
	}
	return []string{
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none",
		// Pods leave a simulated node that is gone within seconds, not minutes.
		"--default-not-ready-toleration-seconds=5",
		"--default-unreachable-toleration-seconds=5",
	}
}

// controllerArguments shorten the periods that are made for large clusters,
// so that a test sees within seconds what otherwise takes minutes.
func (p *plane) controllerArguments() []string {
	file := p.state.path
	return append(p.componentArguments("kube-controller-manager", p.ports.controllers),
		"--use-service-account-credentials=true",
		"--service-account-private-key-file="+file(tokenKey),
		"--root-ca-file="+file("ca.crt"),
		"--cluster-signing-cert-file="+file("ca.crt"),
		"--cluster-signing-key-file="+file("ca.key"),
		"--allocate-node-cidrs=true",
		"--cluster-cidr="+podCIDR,
		"--service-cluster-ip-range="+serviceCIDR,
		"--flex-volume-plugin-dir="+file("volume-plugins"),
		"--node-monitor-period=2s",
		"--node-monitor-grace-period=20s",
		"--horizontal-pod-autoscaler-sync-period=2s",
		"--horizontal-pod-autoscaler-downscale-stabilization=10s",
		"--horizontal-pod-autoscaler-initial-readiness-delay=2s",
		"--horizontal-pod-autoscaler-cpu-initialization-period=5s",
	)
}

func (p *plane) schedulerArguments() []string {
	return p.componentArguments("kube-scheduler", p.ports.scheduler)
}

// componentArguments are those that both clients of the API server take. With
// the default limits on their requests they would be the slowest part.
func (p *plane) componentArguments(identity string, port int) []string {
	kubeconfig := p.kubeconfig(identity)
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		"--kube-api-qps=300",
		"--kube-api-burst=600",
		"--leader-elect=false",
	}
}
