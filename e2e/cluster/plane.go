package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// plane is one running control plane.
type plane struct {
	options  options
	state    state
	ports    ports
	children *children
	client   kubernetes.Interface
	watch    stopwatch
	outside  int // the network namespace of the world outside, of a real node
}

func newPlane(options options, state state) *plane {
	return &plane{options: options, state: state, watch: newStopwatch()}
}

// raise starts everything in the order in which one part needs the other and
// returns when the whole is ready.
func (p *plane) raise(stop <-chan struct{}) error {
	steps := []func(<-chan struct{}) error{p.prepare, p.raiseAPIServer}
	if !p.options.apiOnly {
		steps = append(steps, p.raiseControllers, p.raiseNodes)
	}
	if p.options.real {
		steps[len(steps)-1] = p.raiseRealNode
	}
	if p.options.metrics {
		steps = append(steps, p.raiseMetrics)
	}
	for _, step := range steps {
		if err := step(stop); err != nil {
			return err
		}
	}
	return nil
}

// prepare finds ports and writes certificates, kubeconfigs and configuration.
func (p *plane) prepare(<-chan struct{}) error {
	var err error
	if p.ports, err = freePorts(); err != nil {
		return err
	}
	if p.options.real {
		p.ports.apiServer = p.options.apiPort
	}
	if p.children, err = newChildren(p.state); err != nil {
		return err
	}
	if err := writeIdentities(p.state, p.server()); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", p.kubeconfig(admin))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	p.client, err = kubernetes.NewForConfig(config)
	return err
}

// end kills the processes and removes the files.
func (p *plane) end() {
	if p.children != nil {
		p.children.stop()
	}
	if !p.options.keep {
		p.state.remove()
	}
}

func (p *plane) report() report {
	report := report{
		Directory:  p.state.directory,
		Kubeconfig: p.kubeconfig(admin),
		Server:     p.server(),
		Etcd:       p.etcd(),
		Audit:      p.state.path(auditLog),
		Pids:       p.children.pids,
		Seconds:    p.watch.marks,
	}
	if p.options.real {
		report.Containerd = p.state.path(containerdSocket)
		report.Enforced = p.state.path(enforcedFile)
	}
	return report
}

func (p *plane) server() string {
	return fmt.Sprintf("https://127.0.0.1:%d", p.ports.apiServer)
}

func (p *plane) etcd() string {
	return fmt.Sprintf("http://127.0.0.1:%d", p.ports.etcdClient)
}

func (p *plane) kubeconfig(identity string) string {
	return kubeconfigPath(p.state, identity)
}

// await asks every few milliseconds whether something has come true. It gives
// up when a program ends, when the end is asked for, or after a long time.
func (p *plane) await(what string, stop <-chan struct{}, ready func(context.Context) bool) error {
	const pause, patience = 20 * time.Millisecond, 90 * time.Second
	deadline, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for !ready(deadline) {
		select {
		case <-stop:
			return errStopped
		case name := <-p.children.ended:
			return fmt.Errorf("%s ended while waiting for %s\n%s", name, what, p.children.lastWords(name))
		case <-deadline.Done():
			return errors.New(what + " is not there after " + patience.String())
		case <-time.After(pause):
		}
	}
	p.watch.mark(what)
	return nil
}
