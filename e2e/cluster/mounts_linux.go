package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

var (
	//go:embed node/containerd.toml
	containerdConfig []byte
	//go:embed node/cni.conflist
	networkConfig []byte
)

// Where the node sees its own things. What is below /run, /var/lib and
// /var/log is different from what the machine has there.
const (
	nodeDirectory  = "/run/msapp"
	programsMount  = nodeDirectory + "/bin"
	packagesMount  = nodeDirectory + "/packages"
	socketMount    = nodeDirectory + "/socket"
	runtimeSocket  = socketMount + "/containerd.sock"
	containerdFile = nodeDirectory + "/containerd.toml"
	networkFile    = nodeDirectory + "/cni/msapp.conflist"
	settingsOfNode = nodeDirectory + "/settings"
	kubeletRoot    = "/var/lib/kubelet"
	containerdRoot = "/var/lib/containerd"
)

// kernelSettings are those of the whole machine that a kubelet insists on. It
// finds them as it wants them, in files that only the node sees, so that
// nothing changes outside.
// https://github.com/kubernetes/kubernetes/blob/v1.36.2/staging/src/k8s.io/component-helpers/node/util/sysctl/sysctl.go
var kernelSettings = map[string]string{
	"kernel/keys/root_maxbytes": "25000000",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
}

// mount is one call of mount(2).
type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

// mountNode gives the node its file systems. They go away with its namespace.
func mountNode(options options, state state) error {
	steps := []func() error{
		func() error { return mountAll(mount{target: "/", flags: unix.MS_REC | unix.MS_PRIVATE}) },
		func() error { return mountKernel(state) },
		func() error { return mountDirectories(options, state) },
		writeNodeFiles,
		hideKernelSettings,
		func() error { return mountAll(mount{target: "/", flags: unix.MS_REC | unix.MS_SHARED}) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func mountAll(mounts ...mount) error {
	for _, m := range mounts {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.source, m.target, err)
		}
	}
	return nil
}

// mountKernel mounts /proc and /sys anew: they show the namespaces of whoever
// mounted them. The control groups stay as they are.
func mountKernel(state state) error {
	aside := state.path("control-groups")
	return mountAll(
		mount{source: "proc", target: "/proc", kind: "proc"},
		mount{source: controlGroups, target: aside, flags: unix.MS_BIND | unix.MS_REC},
		mount{source: "sysfs", target: "/sys", kind: "sysfs"},
		mount{source: aside, target: controlGroups, flags: unix.MS_BIND | unix.MS_REC},
	)
}

func mountDirectories(options options, state state) error {
	below := func(name string) string { return state.path(name) }
	made := []string{"lib-upper", "lib-work", "kubelet", "containerd", "log", "socket"}
	for _, name := range made {
		if err := os.MkdirAll(below(name), 0o755); err != nil {
			return err
		}
	}
	lib := "lowerdir=/var/lib,upperdir=" + below("lib-upper") + ",workdir=" + below("lib-work")
	return mountAll(
		mount{source: "run", target: "/run", kind: "tmpfs", data: "mode=755"},
		mount{source: "lib", target: "/var/lib", kind: "overlay", data: lib},
		mount{source: below("kubelet"), target: kubeletRoot, flags: unix.MS_BIND},
		mount{source: below("containerd"), target: containerdRoot, flags: unix.MS_BIND},
		mount{source: below("log"), target: "/var/log", flags: unix.MS_BIND},
		mount{source: below("socket"), target: socketMount, flags: unix.MS_BIND},
		mount{source: options.programs, target: programsMount, flags: unix.MS_BIND},
		mount{source: options.packages, target: packagesMount, flags: unix.MS_BIND},
	)
}

func writeNodeFiles() error {
	for path, content := range map[string][]byte{containerdFile: containerdConfig, networkFile: networkConfig} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func hideKernelSettings() error {
	for name, value := range kernelSettings {
		own := filepath.Join(settingsOfNode, name)
		if err := os.MkdirAll(filepath.Dir(own), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(own, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(own, filepath.Join("/proc/sys", name), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("hide %s: %w", name, err)
		}
	}
	return nil
}
