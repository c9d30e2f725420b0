//go:build !linux

package main

import (
	"errors"
	"os"
)

var errNoNode = errors.New("a real node needs Linux")

func nodePrograms() map[string]program {
	return map[string]program{
		"node-check": func() int { return failed(errNoNode) },
	}
}

func upReal(options, <-chan struct{}) int {
	return failed(errNoNode)
}

func (p *plane) raiseRealNode(<-chan struct{}) error {
	return errNoNode
}

// removeControlGroups has nothing to do: only Linux has them.
func removeControlGroups(state) error {
	return nil
}
