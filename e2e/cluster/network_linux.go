package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Addresses of the node and of what stands for the world outside. A pair of
// virtual interfaces connects them; neither has a way out of the machine.
const (
	outsideAddress = "10.200.0.2"
	betweenThem    = "/24"
)

// outsideRanges are the networks for documentation (RFC 5737). Every address
// in them answers in the world outside.
var outsideRanges = []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"}

// networkSettings belong to the node's network namespace alone.
var networkSettings = map[string]string{
	"net/ipv4/ip_forward":          "1",
	"net/ipv4/conf/all/rp_filter":  "0",
	"net/ipv6/conf/all/forwarding": "0",
}

// connectNode sets up the node's network and gives the namespace in which the
// world outside is.
func connectNode() (netns.NsHandle, error) {
	for name, value := range networkSettings {
		if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0o644); err != nil && !errors.Is(err, os.ErrNotExist) {
			return netns.None(), err
		}
	}
	outside, err := newNetwork()
	if err != nil {
		return netns.None(), fmt.Errorf("make the network outside: %w", err)
	}
	return outside, errors.Join(connect(outside), raiseOutsideNetwork(outside))
}

// newNetwork makes a network namespace and leaves this thread in its own.
func newNetwork() (netns.NsHandle, error) {
	own, err := netns.Get()
	if err != nil {
		return netns.None(), err
	}
	defer own.Close()
	made, err := netns.New()
	return made, errors.Join(err, netns.Set(own))
}

// connect gives the node its interfaces and the way to the world outside.
func connect(outside netns.NsHandle) error {
	own, err := netlink.NewHandle()
	if err != nil {
		return err
	}
	defer own.Close()
	attributes := netlink.NewLinkAttrs()
	attributes.Name = "outside"
	pair := &netlink.Veth{LinkAttrs: attributes, PeerName: "node", PeerNamespace: netlink.NsFd(outside)}
	if err := own.LinkAdd(pair); err != nil {
		return fmt.Errorf("make a pair of virtual interfaces: %w", err)
	}
	return errors.Join(
		raiseLink(own, "lo", ""),
		raiseLink(own, "outside", nodeAddress+betweenThem),
		// Also for addresses that nobody has: the look-up of a route comes before a Service's address is replaced.
		addRoute(own, "outside", &netlink.Route{Gw: net.ParseIP(outsideAddress)}),
	)
}

func raiseOutsideNetwork(outside netns.NsHandle) error {
	handle, err := netlink.NewHandleAt(outside)
	if err != nil {
		return err
	}
	defer handle.Close()
	problem := errors.Join(
		raiseLink(handle, "lo", ""),
		raiseLink(handle, "node", outsideAddress+betweenThem),
		addRoute(handle, "node", &netlink.Route{Gw: net.ParseIP(nodeAddress)}),
	)
	for _, text := range outsideRanges {
		_, destination, err := net.ParseCIDR(text)
		// A range of type `local` makes each of its addresses one of this machine's.
		route := &netlink.Route{Dst: destination, Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST}
		problem = errors.Join(problem, err, addRoute(handle, "lo", route))
	}
	return problem
}

func raiseLink(handle *netlink.Handle, name, address string) error {
	link, err := handle.LinkByName(name)
	if err != nil {
		return fmt.Errorf("interface %s: %w", name, err)
	}
	if address != "" {
		parsed, err := netlink.ParseAddr(address)
		if err != nil {
			return err
		}
		if err := handle.AddrAdd(link, parsed); err != nil {
			return fmt.Errorf("address of %s: %w", name, err)
		}
	}
	return handle.LinkSetUp(link)
}

func addRoute(handle *netlink.Handle, name string, route *netlink.Route) error {
	link, err := handle.LinkByName(name)
	if err != nil {
		return fmt.Errorf("interface %s: %w", name, err)
	}
	route.LinkIndex = link.Attrs().Index
	if err := handle.RouteAdd(route); err != nil {
		return fmt.Errorf("route %v by %s: %w", route.Dst, name, err)
	}
	return nil
}
