package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
)

// words are what tether understands.
var words = map[string]syscall.Signal{
	"cont": syscall.SIGCONT,
	"kill": syscall.SIGKILL,
	"stop": syscall.SIGSTOP,
	"term": syscall.SIGTERM,
}

// tether runs another program that must not outlive whoever started this one:
// it is killed when standard input closes, and dies with this process. A line
// on standard input that names a signal sends it. The exit code is that of
// the program.
func tether() int {
	runtime.LockOSThread() // see up
	if len(os.Args) < 2 {
		return failed(errors.New("usage: tether PROGRAM [ARGUMENTS]"))
	}
	command := exec.Command(os.Args[1], os.Args[2:]...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.SysProcAttr = diesWithParent()
	if err := command.Start(); err != nil {
		return failed(err)
	}
	// Ctrl-C in a terminal goes to all who run there. This one waits for what
	// whoever holds the other end of the pipe makes of it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT)
	go obey(command.Process)
	err := command.Wait()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		if status, ok := ended.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal())
		}
		return ended.ExitCode()
	}
	if err != nil {
		return failed(err)
	}
	return 0
}

// obey passes on the signals that standard input names, and the last one when
// it closes.
func obey(process *os.Process) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		word, known := words[lines.Text()]
		if !known {
			fmt.Fprintf(os.Stderr, "cluster: tether does not know %q\n", lines.Text())
			continue
		}
		_ = process.Signal(word)
	}
	_ = process.Kill()
}
