package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/vishvananda/netns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeproxyconfig "k8s.io/kube-proxy/config/v1alpha1"
	kubeletconfig "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"
)

const clusterDNS = "10.96.0.10"

// raiseRealNode starts the container runtime, the kubelet, the service proxy
// and, where they are asked for, the enforcer of policies and the world outside.
func (p *plane) raiseRealNode(stop <-chan struct{}) error {
	if err := p.raiseRuntime(stop); err != nil {
		return err
	}
	steps := []func() error{p.startKubelet, p.startKubeProxy, p.startEnforcer, p.startOutside}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return p.await("the node", stop, func(ctx context.Context) bool {
		nodes, err := p.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		return err == nil && readyNodes(nodes.Items) == 1
	})
}

func (p *plane) raiseRuntime(stop <-chan struct{}) error {
	if err := p.children.startProgram("containerd", programsMount+"/containerd", "--config", containerdFile); err != nil {
		return err
	}
	return p.await("the container runtime", stop, func(ctx context.Context) bool {
		var dialer net.Dialer
		connection, err := dialer.DialContext(ctx, "unix", runtimeSocket)
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	})
}

func (p *plane) startKubelet() error {
	names := p.state.path("resolv.conf")
	if err := os.WriteFile(names, []byte("nameserver "+clusterDNS+"\n"), 0o644); err != nil {
		return err
	}
	config, err := p.writeConfig(kubeletUser, p.kubeletConfiguration(names))
	if err != nil {
		return err
	}
	return p.children.start("kubelet",
		"--config="+config,
		"--kubeconfig="+p.kubeconfig(kubeletUser),
		"--root-dir="+kubeletRoot,
		"--cert-dir="+p.state.path("kubelet-certificates"),
		"--hostname-override="+nodeName,
		"--node-ip="+nodeAddress,
	)
}

// kubeletConfiguration takes the machine as it is: any version of control
// groups, swap, full disks. Nothing here decides how pods behave but the
// period after which it looks for changed ConfigMaps, usually a minute.
func (p *plane) kubeletConfiguration(names string) any {
	no, yes, neutral := false, true, int32(0)
	never := map[string]string{
		"memory.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%",
		"imagefs.available": "0%", "imagefs.inodesFree": "0%",
	}
	highest, high := int32(100), int32(99)
	return kubeletconfig.KubeletConfiguration{
		TypeMeta:                      metav1.TypeMeta{APIVersion: "kubelet.config.k8s.io/v1beta1", Kind: "KubeletConfiguration"},
		FailCgroupV1:                  &no,
		CgroupDriver:                  "cgroupfs",
		CgroupRoot:                    "/" + controlGroup(p.state),
		ContainerRuntimeEndpoint:      "unix://" + runtimeSocket,
		Authentication:                p.kubeletAuthentication(&yes, &no),
		Authorization:                 kubeletconfig.KubeletAuthorization{Mode: kubeletconfig.KubeletAuthorizationModeWebhook},
		ClusterDNS:                    []string{clusterDNS},
		ClusterDomain:                 "cluster.local",
		ResolverConfig:                &names,
		FailSwapOn:                    &no,
		LocalStorageCapacityIsolation: &no,
		EvictionHard:                  never,
		ImageGCHighThresholdPercent:   &highest,
		ImageGCLowThresholdPercent:    &high,
		SyncFrequency:                 metav1.Duration{Duration: 5 * time.Second},
		NodeStatusUpdateFrequency:     metav1.Duration{Duration: 5 * time.Second},
		OOMScoreAdj:                   &neutral,
		VolumePluginDir:               kubeletRoot + "/volume-plugins",
	}
}

func (p *plane) kubeletAuthentication(yes, no *bool) kubeletconfig.KubeletAuthentication {
	return kubeletconfig.KubeletAuthentication{
		Anonymous: kubeletconfig.KubeletAnonymousAuthentication{Enabled: no},
		Webhook:   kubeletconfig.KubeletWebhookAuthentication{Enabled: yes},
		X509:      kubeletconfig.KubeletX509Authentication{ClientCAFile: p.state.path("ca.crt")},
	}
}

func (p *plane) startKubeProxy() error {
	unchanged, neutral := int32(0), int32(0)
	as := metav1.Duration{}
	configuration := kubeproxyconfig.KubeProxyConfiguration{
		TypeMeta:         metav1.TypeMeta{APIVersion: "kubeproxy.config.k8s.io/v1alpha1", Kind: "KubeProxyConfiguration"},
		Mode:             "nftables",
		BindAddress:      "0.0.0.0",
		HostnameOverride: nodeName,
		ClusterCIDR:      podCIDR,
		OOMScoreAdj:      &neutral,
		Conntrack: kubeproxyconfig.KubeProxyConntrackConfiguration{
			MaxPerCore: &unchanged, Min: &unchanged, TCPEstablishedTimeout: &as, TCPCloseWaitTimeout: &as,
		},
	}
	configuration.ClientConnection.Kubeconfig = p.kubeconfig(kubeProxyUser)
	config, err := p.writeConfig(kubeProxyUser, configuration)
	if err != nil {
		return err
	}
	return p.children.start("kube-proxy", "--config="+config)
}

func (p *plane) startEnforcer() error {
	if p.options.enforcer == "" {
		return nil
	}
	return p.children.startProgram("enforcer", p.options.enforcer,
		"--kubeconfig="+p.kubeconfig(admin),
		"--nft="+packagesMount+"/usr/sbin/nft",
		"--pod-range="+podCIDR,
		"--state="+p.state.path(enforcedFile),
	)
}

// startOutside runs the program that answers for the world outside. A child
// is in the network namespace that this thread is in when it starts.
func (p *plane) startOutside() error {
	if len(p.options.outside) == 0 {
		return nil
	}
	own, err := netns.Get()
	if err != nil {
		return err
	}
	defer own.Close()
	if err := netns.Set(netns.NsHandle(p.outside)); err != nil {
		return err
	}
	problem := p.children.startProgram("outside", p.options.outside[0], p.options.outside[1:]...)
	if err := netns.Set(own); err != nil {
		return fmt.Errorf("come back from outside: %w", err)
	}
	return problem
}

func (p *plane) writeConfig(name string, configuration any) (string, error) {
	text, err := yaml.Marshal(configuration)
	if err != nil {
		return "", err
	}
	path := p.state.path(name + ".yaml")
	return path, os.WriteFile(path, text, 0o600)
}
