package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// namespaces are those that a node has for itself. Nothing that it mounts,
// routes or runs is seen on the machine, or outlives its first process.
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC

// upReal is `up` with a real node. The control plane runs beside the kubelet,
// inside the node's namespaces, which have no uplink; this process stays
// outside and forwards a loopback port to the API server.
func upReal(options options, stop <-chan struct{}) int {
	if err := checkNode(options); err != nil {
		return failed(err)
	}
	state, err := newState(options.root)
	if err != nil {
		return failed(err)
	}
	// A file that nobody names any more is closed, and the next control plane
	// would take the directory for an abandoned one.
	defer state.lock.Close()
	node, err := startNode(options, state)
	if err != nil {
		return failed(err)
	}
	err = node.run(stop)
	node.end()
	if err != nil && !errors.Is(err, errStopped) {
		return failed(err)
	}
	return 0
}

// realNode is the process that is the first one in its namespaces, seen from outside.
type realNode struct {
	first   *exec.Cmd
	reports io.Reader
	janitor cleaner
	forward *forward
	ended   chan error
}

func startNode(options options, state state) (*realNode, error) {
	cleaner, err := startJanitor(state, options.keep)
	if err != nil {
		return nil, err
	}
	forward, err := newForward()
	if err != nil {
		return nil, errors.Join(err, cleaner.finish())
	}
	first, reports, err := startFirst(options, state, forward.port())
	if err != nil {
		return nil, errors.Join(err, cleaner.finish())
	}
	node := &realNode{first: first, reports: reports, janitor: cleaner, forward: forward, ended: make(chan error, 1)}
	go func() { node.ended <- first.Wait() }()
	return node, forward.serve(first.Process.Pid)
}

// startFirst starts the first process of the node, which starts `inside`.
func startFirst(options options, state state, port int) (*exec.Cmd, io.Reader, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	command := exec.Command(binary, append([]string{"first", binary, "inside"}, insideArguments(options, state, port)...)...)
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer writer.Close()
	command.Stdout, command.Stderr = writer, os.Stderr
	command.SysProcAttr = diesWithParent()
	command.SysProcAttr.Cloneflags = namespaces
	return command, reader, command.Start()
}

func insideArguments(options options, state state, port int) []string {
	return append([]string{
		"--real",
		"--directory=" + state.directory,
		fmt.Sprintf("--api-port=%d", port),
		fmt.Sprintf("--metrics=%t", options.metrics),
		"--programs=" + options.programs,
		"--packages=" + options.packages,
		"--enforcer=" + options.enforcer,
		"--",
	}, options.outside...)
}

// run passes on the report of the node once it is up, and returns at its end.
func (n *realNode) run(stop <-chan struct{}) error {
	line := make(chan []byte, 1)
	go func() {
		text, _ := bufio.NewReader(n.reports).ReadBytes('\n')
		line <- text
	}()
	select {
	case <-stop:
		return errStopped
	case text := <-line:
		if err := n.report(text); err != nil {
			return err
		}
	}
	select {
	case <-stop:
		return errStopped
	case err := <-n.ended:
		n.ended <- err
		return fmt.Errorf("the node ended: %w", err)
	}
}

// report adds what can be known outside only: the process to enter the node by.
func (n *realNode) report(line []byte) error {
	var report report
	if err := json.Unmarshal(line, &report); err != nil {
		return errors.New("the node did not come up: see above")
	}
	report.Pids = map[string]int{"node": n.first.Process.Pid}
	return json.NewEncoder(os.Stdout).Encode(report)
}

// end kills the first process, and with it the kernel ends all others of the
// node; then the janitor removes what is left.
func (n *realNode) end() {
	_ = n.first.Process.Kill()
	<-n.ended
	n.forward.close()
	if err := n.janitor.finish(); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
	}
}
