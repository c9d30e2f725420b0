package main

import (
	"errors"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// first is process 1 of a node: it starts the program it is given, buries the
// processes that lost their parents, and ends with that program.
func first() int {
	runtime.LockOSThread() // see up
	if len(os.Args) < 2 {
		return failed(errors.New("usage: first PROGRAM [ARGUMENTS]"))
	}
	command := exec.Command(os.Args[1], os.Args[2:]...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.SysProcAttr = diesWithParent()
	if err := command.Start(); err != nil {
		return failed(err)
	}
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return failed(err)
		case pid == command.Process.Pid && status.Signaled():
			return 128 + int(status.Signal())
		case pid == command.Process.Pid:
			return status.ExitStatus()
		}
	}
}
