package main

import "net"

// ports are the loopback ports of one control plane.
type ports struct {
	etcdClient, etcdPeer, apiServer, controllers, scheduler, kwok, metrics int
}

// freePorts finds ports that nobody uses. All listeners stay open until the
// last port is known, so that no port comes twice. Somebody else can take one
// of them before its program does; then that program ends and `up` says so.
func freePorts() (ports, error) {
	var p ports
	wanted := []*int{&p.etcdClient, &p.etcdPeer, &p.apiServer, &p.controllers, &p.scheduler, &p.kwok, &p.metrics}
	for _, port := range wanted {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return p, err
		}
		defer listener.Close()
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	return p, nil
}
