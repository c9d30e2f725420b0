package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// inside raises the control plane and the node from within their namespaces,
// and runs until one of the programs ends by itself.
func inside() int {
	runtime.LockOSThread() // see up
	options, err := parseOptions(os.Args[1:])
	if err != nil {
		return 2
	}
	state := state{directory: options.directory}
	plane := newPlane(options, state)
	if err := prepareNode(options, state, plane); err != nil {
		return failed(err)
	}
	never := make(chan struct{})
	if err := plane.raise(never); err != nil {
		return failed(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(plane.report()); err != nil {
		return failed(err)
	}
	name := <-plane.children.ended
	return failed(fmt.Errorf("%s ended by itself\n%s", name, plane.children.lastWords(name)))
}

// prepareNode makes of the bare namespaces a machine.
func prepareNode(options options, state state, plane *plane) error {
	// Files of the node are for whoever runs in its pods, too.
	syscall.Umask(0o022)
	if err := unix.Sethostname([]byte(nodeName)); err != nil {
		return err
	}
	if err := createControlGroups(state); err != nil {
		return fmt.Errorf("make a control group: %w", err)
	}
	if err := mountNode(options, state); err != nil {
		return err
	}
	outside, err := connectNode()
	if err != nil {
		return err
	}
	plane.outside = int(outside)
	path := programsMount + ":" + packagesMount + "/usr/sbin:" + packagesMount + "/usr/bin:" + os.Getenv("PATH")
	libraries := packagesMount + "/usr/lib/" + libraryDirectories[runtime.GOARCH]
	return errors.Join(os.Setenv("PATH", path), os.Setenv("LD_LIBRARY_PATH", libraries))
}

// libraryDirectories are the names that Debian gives to the directories of
// libraries, by Go's names of architectures.
var libraryDirectories = map[string]string{
	"amd64": "x86_64-linux-gnu",
	"arm64": "aarch64-linux-gnu",
}
