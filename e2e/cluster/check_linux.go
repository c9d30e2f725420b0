package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// nodeCheck says in one sentence why there can be no real node here, if so.
func nodeCheck() int {
	if err := checkMachine(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// checkNode refuses what would fail half-way.
func checkNode(options options) error {
	if err := checkMachine(); err != nil {
		return err
	}
	for flag, path := range map[string]string{"programs": options.programs, "packages": options.packages} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("--%s: %w", flag, err)
		}
	}
	return nil
}

// checkMachine names the first thing that a real node needs and this machine
// does not have.
func checkMachine() error {
	if os.Geteuid() != 0 {
		return errors.New("a real node needs root, for namespaces, mounts and control groups")
	}
	for _, kind := range []string{"ipc", "mnt", "net", "pid", "uts"} {
		if _, err := os.Stat("/proc/self/ns/" + kind); err != nil {
			return fmt.Errorf("a real node needs the %s namespace of the kernel", kind)
		}
	}
	known, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return err
	}
	if !strings.Contains(string(known), "\toverlay\n") {
		return errors.New("a real node needs the overlay file system of the kernel (modprobe overlay)")
	}
	return checkControlGroups()
}
