package main

import (
	"os"
	"path/filepath"
	"syscall"
)

// state is the directory of one control plane. Whoever runs it holds a lock
// on a file inside; the kernel drops that lock however the process ends, so a
// directory whose lock is free belongs to nobody and can be removed.
type state struct {
	directory string
	lock      *os.File
}

const lockName = "lock"

// newState makes a fresh directory below root and removes the abandoned ones.
func newState(root string) (state, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return state{}, err
	}
	sweep(root)
	directory, err := os.MkdirTemp(root, "run-")
	if err != nil {
		return state{}, err
	}
	lock, err := os.Create(filepath.Join(directory, lockName))
	if err != nil {
		return state{}, err
	}
	return state{directory, lock}, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
}

// path names a file of this control plane.
func (s state) path(name string) string {
	return filepath.Join(s.directory, name)
}

// remove takes the directory away, and the root with it when it was the last.
func (s state) remove() {
	_ = os.RemoveAll(s.directory)
	_ = s.lock.Close()
	_ = os.Remove(filepath.Dir(s.directory))
}

// sweep removes what control planes left that were killed outright. Errors
// are of no interest: the next start tries again.
func sweep(root string) {
	locks, _ := filepath.Glob(filepath.Join(root, "run-*", lockName))
	for _, path := range locks {
		lock, err := os.Open(path)
		if err != nil {
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			abandoned := state{directory: filepath.Dir(path)}
			_ = removeControlGroups(abandoned)
			_ = os.RemoveAll(abandoned.directory)
		}
		_ = lock.Close()
	}
}
