package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// options are the flags of `cluster up`.
type options struct {
	root     string
	nodes    int
	podStart time.Duration
	apiOnly  bool
	metrics  bool
	stdin    bool
	keep     bool
	real     bool
	// of a real node
	programs  string
	packages  string
	enforcer  string
	outside   []string // the program that answers for the world outside, and its arguments
	directory string
	apiPort   int
}

// report is the one line of JSON that `cluster up` prints once all is ready.
type report struct {
	Directory  string             `json:"directory"`
	Kubeconfig string             `json:"kubeconfig"`
	Server     string             `json:"server"`
	Etcd       string             `json:"etcd"`
	Audit      string             `json:"audit"`
	Containerd string             `json:"containerd,omitempty"`
	Enforced   string             `json:"enforced,omitempty"`
	Pids       map[string]int     `json:"pids"`
	Seconds    map[string]float64 `json:"seconds"`
}

// up runs a control plane until it is signalled, until its standard input
// closes (with --stdin) or until one of the programs ends by itself.
func up() int {
	// The kernel sends a child its parent-death signal when the thread that
	// started it ends, so that thread must live as long as this process.
	runtime.LockOSThread()
	options, err := parseOptions(os.Args[1:])
	if err != nil {
		return 2
	}
	stop := stopRequests(options.stdin)
	if options.real {
		return upReal(options, stop)
	}
	state, err := newState(options.root)
	if err != nil {
		return failed(err)
	}
	plane := newPlane(options, state)
	defer plane.end()
	if err := plane.raise(stop); err != nil {
		if errors.Is(err, errStopped) {
			return 0
		}
		return failed(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(plane.report()); err != nil {
		return failed(err)
	}
	select {
	case <-stop:
		return 0
	case name := <-plane.children.ended:
		return failed(fmt.Errorf("%s ended by itself\n%s", name, plane.children.lastWords(name)))
	}
}

func parseOptions(arguments []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: up [FLAGS] [-- PROGRAM ARGUMENTS: with --real, what answers for the world outside]")
		flags.PrintDefaults()
	}
	flags.StringVar(&o.root, "root", os.TempDir()+"/msapp-clusters", "directory in which this control plane makes one of its own, removed at the end")
	flags.IntVar(&o.nodes, "nodes", 4, "number of simulated nodes")
	flags.DurationVar(&o.podStart, "pod-start", 0, "how long a pod takes to become ready, at most; at least it takes half of that")
	flags.BoolVar(&o.apiOnly, "api-only", false, "only etcd and kube-apiserver: no controllers, scheduler, nodes")
	flags.BoolVar(&o.metrics, "metrics", false, "also run metrics-server, so that autoscalers see CPU and memory")
	flags.BoolVar(&o.stdin, "stdin", false, "end when standard input closes")
	flags.BoolVar(&o.keep, "keep", false, "leave the directory with logs and audit log behind")
	flags.BoolVar(&o.real, "real", false, "one real node instead of simulated ones, in namespaces of its own without uplink; needs Linux and root")
	flags.StringVar(&o.programs, "programs", "", "with --real: directory with containerd, its shim and the network plugins")
	flags.StringVar(&o.packages, "packages", "", "with --real: root of the unpacked packages with runc and nft")
	flags.StringVar(&o.enforcer, "enforcer", "", "with --real: the program that enforces NetworkPolicies, if any")
	flags.StringVar(&o.directory, "directory", "", "set by `up` itself: the directory of a real node")
	flags.IntVar(&o.apiPort, "api-port", 0, "set by `up` itself: the port that is forwarded to a real node")
	err := flags.Parse(arguments)
	o.outside = flags.Args()
	return o, err
}

// errStopped says that the end was asked for before the control plane was up.
var errStopped = errors.New("stopped")

// stopRequests gives a channel that is closed at the first request to end.
func stopRequests(watchInput bool) <-chan struct{} {
	stop := make(chan struct{})
	requests := make(chan os.Signal, 1)
	signal.Notify(requests, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	closed := make(chan struct{})
	if watchInput {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			close(closed)
		}()
	}
	go func() {
		select {
		case <-requests:
		case <-closed:
		}
		close(stop)
	}()
	return stop
}

// stopwatch remembers how long after the start each thing was reached.
type stopwatch struct {
	begin time.Time
	marks map[string]float64
}

func newStopwatch() stopwatch {
	return stopwatch{begin: time.Now(), marks: map[string]float64{}}
}

func (s stopwatch) mark(name string) {
	s.marks[name] = float64(time.Since(s.begin).Milliseconds()) / 1000
}
