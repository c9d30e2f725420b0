package main

import "syscall"

// diesWithParent makes a child be killed when this process ends, however it
// ends, and keeps a terminal's Ctrl-C away from it.
func diesWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
