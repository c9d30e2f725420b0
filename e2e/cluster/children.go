package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"sync"
)

// children are the processes of a control plane: most of them this same binary
// under another name, each with its output in a file of the state directory.
type children struct {
	state   state
	binary  string
	started []*exec.Cmd
	running sync.WaitGroup
	pids    map[string]int
	ended   chan string
}

func newChildren(state state) (*children, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return &children{state: state, binary: binary, pids: map[string]int{}, ended: make(chan string, 16)}, nil
}

// start runs one of the programs of this binary.
func (c *children) start(name string, arguments ...string) error {
	return c.startProgram(name, c.binary, append([]string{name}, arguments...)...)
}

// startProgram runs a program. It dies with this process, even if that is killed.
// All calls must come from the one locked thread, see up.
func (c *children) startProgram(name, path string, arguments ...string) error {
	output, err := os.Create(c.logPath(name))
	if err != nil {
		return err
	}
	defer output.Close()
	command := exec.Command(path, arguments...)
	command.Stdout, command.Stderr = output, output
	command.SysProcAttr = diesWithParent()
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	c.started = append(c.started, command)
	c.pids[name] = command.Process.Pid
	c.running.Go(func() {
		_ = command.Wait()
		c.ended <- name
	})
	return nil
}

// stop kills all of them, the last started first. Nothing is to be saved: the
// state directory goes away with them.
func (c *children) stop() {
	for i := len(c.started) - 1; i >= 0; i-- {
		_ = c.started[i].Process.Kill()
	}
	c.running.Wait()
}

func (c *children) logPath(name string) string {
	return c.state.path(name + ".log")
}

// lastWords gives the last lines a program wrote.
func (c *children) lastWords(name string) []byte {
	const lines = 20
	output, _ := os.ReadFile(c.logPath(name))
	end := len(output)
	for range lines {
		if end = bytes.LastIndexByte(output[:end], '\n'); end < 0 {
			return output
		}
	}
	return output[end+1:]
}
