// Package ports allots TCP ports of this host.
package ports

import (
	"fmt"
	"net"
	"strconv"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// maxPortTries bounds the search for a port that nobody else was promised.
const maxPortTries = 100

// Ports allots TCP ports of this host, each to one workload at a time. A port is
// free when it can be listened on; a stranger may still take it between then and
// its replica's start, which that replica then reports. Not safe for concurrent use.
type Ports struct {
	held map[int32]string // uid of the workload that holds it
}

// New returns an allotment that has promised nothing.
func New() *Ports { return &Ports{held: map[int32]string{}} }

// Allot finds a port for a workload: the preferred one if that is free, any
// other if it is not or is 0.
func (p *Ports) Allot(uid string, preferred int32) (int32, error) {
	if preferred != 0 && p.held[preferred] == "" {
		if port, err := listenable(preferred); err == nil {
			p.held[port] = uid
			return port, nil
		}
	}
	for range maxPortTries {
		port, err := listenable(0)
		if err != nil {
			return 0, fault.Exhaustedf("no TCP port of this node is free").WithCause(err)
		}
		if p.held[port] == "" {
			p.held[port] = uid
			return port, nil
		}
	}
	return 0, fault.Exhaustedf("no TCP port of this node is free that is not promised to another workload")
}

// Hold enters a port that a workload got before the agent was started anew.
func (p *Ports) Hold(uid string, port int32) { p.held[port] = uid }

// Release returns all ports of a workload.
func (p *Ports) Release(uid string) {
	for port, holder := range p.held {
		if holder == uid {
			delete(p.held, port)
		}
	}
}

// Return returns some ports of a workload, which keeps the others.
func (p *Ports) Return(uid string, ports map[string]int32) {
	for _, port := range ports {
		if p.held[port] == uid {
			delete(p.held, port)
		}
	}
}

func listenable(port int32) (int32, error) {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(int(port)))
	if err != nil {
		return 0, fmt.Errorf("listen: %w", err)
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil || !ok {
		return 0, fmt.Errorf("close listener: %w", err)
	}
	return int32(addr.Port), nil
}
