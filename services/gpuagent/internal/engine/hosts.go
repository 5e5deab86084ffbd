package engine

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/expand"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// hosts are the names that the replica may look up. A host that is itself a name is looked
// up here; one that is unknown is left out.
func (r *replica) hosts(ctx context.Context, scope expand.Scope) ([]runtime.Host, error) {
	out := peers(r.template.GetPeerNames(), scope)
	if len(out) > 0 {
		out = append(machines(scope), out...)
	}
	for _, alias := range r.template.GetHostAliases() {
		address, err := expand.String(alias.GetIp(), scope)
		if err != nil {
			return nil, err
		}
		out = append(out, runtime.Host{IP: address, Names: alias.GetHostnames()})
	}
	return numeric(ctx, out), nil
}

// peers are the names of the replicas of the workload.
func peers(names []*gpuagentv1.PeerName, scope expand.Scope) []runtime.Host {
	var out []runtime.Host
	for _, of := range names {
		for i, address := range scope.Replicas[of.GetGroup()] {
			if address.Host == "" {
				continue // not placed yet
			}
			host := runtime.Host{IP: address.Host}
			for _, name := range of.GetNames() {
				host.Names = append(host.Names, strings.ReplaceAll(name, "${index}", strconv.Itoa(i)))
			}
			out = append(out, host)
		}
	}
	return out
}

// machines are the names by which libraries tell others where they are: what the machine of
// each replica calls itself stands for the address at which others reach it. By itself a
// machine's own name is often that of its loopback device, and other machines' names are unknown.
func machines(scope expand.Scope) []runtime.Host {
	own := scope.Replicas[scope.Group][scope.Index]
	known := map[string]bool{"": true, own.Machine: true}
	var out []runtime.Host
	if own.Machine != "" {
		out = append(out, runtime.Host{IP: own.Host, Names: []string{own.Machine}})
	}
	for _, group := range slices.Sorted(maps.Keys(scope.Replicas)) {
		for _, other := range scope.Replicas[group] {
			if other.Host == "" || known[other.Machine] {
				continue
			}
			known[other.Machine] = true
			out = append(out, runtime.Host{IP: other.Host, Names: []string{other.Machine}})
		}
	}
	return out
}

// numeric looks up the addresses of hosts that are names, each once.
func numeric(ctx context.Context, all []runtime.Host) []runtime.Host {
	known := map[string]string{}
	var out []runtime.Host
	for _, h := range all {
		if _, err := netip.ParseAddr(h.IP); err != nil {
			if _, asked := known[h.IP]; !asked {
				known[h.IP] = ""
				if found, err := net.DefaultResolver.LookupHost(ctx, h.IP); err == nil && len(found) > 0 {
					known[h.IP] = found[0]
				}
			}
			h.IP = known[h.IP]
		}
		if h.IP != "" {
			out = append(out, h)
		}
	}
	return out
}
