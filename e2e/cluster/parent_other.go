//go:build !linux

package main

import "syscall"

// diesWithParent keeps a terminal's Ctrl-C away from a child. There is no
// signal of a parent's death here: children stay if this process is killed.
func diesWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
