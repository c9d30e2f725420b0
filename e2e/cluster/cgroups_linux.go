package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Where control groups are: one tree of all controllers (version 2), or below
// it a tree for each (version 1).
// https://docs.kernel.org/admin-guide/cgroup-v2.html
const controlGroups = "/sys/fs/cgroup"

// needed are the controllers that a kubelet wants.
var needed = []string{"cpu", "cpuset", "memory", "pids"}

// controlGroup is the name of the group under which all pods of a node are.
func controlGroup(state state) string {
	return "msapp-" + filepath.Base(state.directory)
}

// unified says whether this machine has version 2 alone.
func unified() bool {
	_, err := os.Stat(filepath.Join(controlGroups, "cgroup.controllers"))
	return err == nil
}

// checkControlGroups names the controllers that are missing.
func checkControlGroups() error {
	var missing []string
	available, _ := os.ReadFile(filepath.Join(controlGroups, "cgroup.controllers"))
	for _, controller := range needed {
		_, err := os.Stat(filepath.Join(controlGroups, controller))
		if err != nil && !slices.Contains(strings.Fields(string(available)), controller) {
			missing = append(missing, controller)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("a real node needs the control group %s of the kernel", strings.Join(missing, ", "))
	}
	return nil
}

// createControlGroups makes the group of a node, with every controller.
func createControlGroups(state state) error {
	for _, tree := range trees() {
		if err := os.MkdirAll(filepath.Join(tree, controlGroup(state)), 0o755); err != nil {
			return err
		}
	}
	if unified() {
		enable := "+" + strings.Join(needed, " +")
		return os.WriteFile(filepath.Join(controlGroups, "cgroup.subtree_control"), []byte(enable), 0o644)
	}
	// Version 1 gives a new group no processors and no memory nodes.
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		content, err := os.ReadFile(filepath.Join(controlGroups, "cpuset", file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(controlGroups, "cpuset", controlGroup(state), file), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// removeControlGroups removes the group of a node, once its last process ended.
func removeControlGroups(state state) error {
	var problems []error
	for _, tree := range trees() {
		group := filepath.Join(tree, controlGroup(state))
		problems = append(problems, eventually(func() error { return removeGroup(group) }))
	}
	return errors.Join(problems...)
}

// removeGroup removes a group with all below it. Groups hold no files that
// could be deleted, so only the directories count.
func removeGroup(group string) error {
	entries, err := os.ReadDir(group)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if entry.IsDir() {
			err = errors.Join(err, removeGroup(filepath.Join(group, entry.Name())))
		}
	}
	return errors.Join(err, os.Remove(group))
}

// trees are the roots of all control groups.
func trees() []string {
	if unified() {
		return []string{controlGroups}
	}
	entries, _ := os.ReadDir(controlGroups)
	var trees []string
	for _, entry := range entries {
		if entry.IsDir() { // such as `cpu`; links such as `cpu,cpuacct` lead to the same
			trees = append(trees, filepath.Join(controlGroups, entry.Name()))
		}
	}
	return trees
}
