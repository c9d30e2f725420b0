package main

import (
	"fmt"
	"io"
	"net"
	"runtime"

	"github.com/vishvananda/netns"
)

// forward passes connections to a loopback port of the machine on to the same
// port inside a network namespace.
type forward struct {
	listener net.Listener
}

func newForward() (*forward, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &forward{listener}, nil
}

func (f *forward) port() int {
	return f.listener.Addr().(*net.TCPAddr).Port
}

// serve begins to forward into the namespace of the process.
func (f *forward) serve(pid int) error {
	namespace, err := netns.GetFromPid(pid)
	if err != nil {
		return fmt.Errorf("open the network namespace of the node: %w", err)
	}
	go func() {
		defer namespace.Close()
		for {
			connection, err := f.listener.Accept()
			if err != nil {
				return
			}
			go f.connect(connection, namespace)
		}
	}()
	return nil
}

func (f *forward) connect(outer net.Conn, namespace netns.NsHandle) {
	defer outer.Close()
	inner, err := dialInside(namespace, f.listener.Addr().String())
	if err != nil {
		return // the caller sees a closed connection, as if nobody listened
	}
	defer inner.Close()
	done := make(chan struct{}, 2)
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		done <- struct{}{}
	}
	go pass(inner, outer)
	go pass(outer, inner)
	<-done
}

// dialInside connects from within a namespace: a socket belongs to the one its
// thread was in when it was made.
func dialInside(namespace netns.NsHandle, address string) (net.Conn, error) {
	type dialled struct {
		connection net.Conn
		err        error
	}
	result := make(chan dialled, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		if err := netns.Set(namespace); err != nil {
			result <- dialled{nil, err}
			return
		}
		connection, err := net.Dial("tcp", address)
		result <- dialled{connection, err}
	}()
	outcome := <-result
	return outcome.connection, outcome.err
}

func (f *forward) close() {
	_ = f.listener.Close()
}
