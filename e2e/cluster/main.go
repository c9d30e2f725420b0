// Command cluster holds every program of a Kubernetes control plane, the
// simulator of its nodes and the two command-line tools one needs with it.
//
// Which program runs is decided by the name the binary is called by, or else
// by its first argument: `cluster kubectl get pods` and a symbolic link
// `kubectl` to it do the same.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// program runs with os.Args already shifted, so that os.Args[0] is its name,
// and answers with the exit code of the process.
type program func() int

// programs lists all that this binary can be.
func programs() map[string]program {
	table := map[string]program{
		"etcd":                    etcd,
		"helm":                    helm,
		"kube-apiserver":          kubeAPIServer,
		"kube-controller-manager": kubeControllerManager,
		"kube-scheduler":          kubeScheduler,
		"kubectl":                 kubectl,
		"kwok":                    kwok,
		"metrics-server":          metricsServer,
		"tether":                  tether,
		"up":                      up,
	}
	maps.Copy(table, nodePrograms())
	return table
}

func main() {
	table := programs()
	if run, ok := table[filepath.Base(os.Args[0])]; ok {
		os.Exit(run())
	}
	if len(os.Args) > 1 {
		if run, ok := table[os.Args[1]]; ok {
			os.Args = os.Args[1:]
			os.Exit(run())
		}
	}
	names := slices.Sorted(maps.Keys(table))
	fmt.Fprintf(os.Stderr, "usage: cluster PROGRAM [ARGUMENTS]\nprograms: %s\n", strings.Join(names, ", "))
	os.Exit(2)
}
