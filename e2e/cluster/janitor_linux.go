package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// cleaner is the janitor, seen by the one it cleans up after.
type cleaner struct {
	process *exec.Cmd
	pipe    io.Closer
}

// startJanitor starts the process that removes what a node leaves on the
// machine: its control groups and its directory. It works when its standard
// input closes, which the kernel sees to however this process ends.
func startJanitor(state state, keep bool) (cleaner, error) {
	binary, err := os.Executable()
	if err != nil {
		return cleaner{}, err
	}
	command := exec.Command(binary, "janitor", state.directory, fmt.Sprint(keep))
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := command.StdinPipe()
	if err != nil {
		return cleaner{}, err
	}
	return cleaner{command, pipe}, command.Start()
}

// finish lets the janitor work, and waits for it.
func (c cleaner) finish() error {
	return errors.Join(c.pipe.Close(), c.process.Wait())
}

func janitor() int {
	if len(os.Args) != 3 {
		return failed(errors.New("usage: janitor DIRECTORY KEEP"))
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	state := state{directory: os.Args[1]}
	err := removeControlGroups(state)
	if os.Args[2] != "true" {
		err = errors.Join(err, removeDirectory(state))
	}
	if err != nil {
		return failed(err)
	}
	return 0
}

// removeDirectory tries again while the last processes of the node are ending.
func removeDirectory(state state) error {
	err := eventually(func() error { return os.RemoveAll(state.directory) })
	_ = os.Remove(filepath.Dir(state.directory))
	return err
}

// eventually does something until it succeeds, or for ten seconds.
func eventually(work func() error) error {
	const pause, patience = 20 * time.Millisecond, 10 * time.Second
	deadline := time.Now().Add(patience)
	for {
		err := work()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(pause)
	}
}
