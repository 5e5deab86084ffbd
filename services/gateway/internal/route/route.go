// Package route says which service owns which gRPC method. It reads this from the
// protos that are linked in: package kfmesh.<service>.v1 belongs to <service>, but for
// kfmesh.mesh.v1, which the gpuagent of a head serves.
// Everything here is pure.
package route

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// door is the package of what agents on other machines call elsewhere.
const door = root + ".door.v1"

// mesh is the part of the package of what the owner of a mesh calls, which the
// service of its head serves.
const (
	mesh      = "mesh"
	meshOwner = "gpuagent"
)

// root is the first part of every package of kfmesh's.
const root = "kfmesh"

// Owner returns the service that owns a method such as
// "/kfmesh.pipeline.v1.RunService/GetRun", or a gRPC service such as
// "kfmesh.pipeline.v1.RunService", and whether there is one.
func Owner(method string) (service string, ok bool) {
	name, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	parts := strings.Split(name, ".")
	if len(parts) != 4 || parts[0] != root || parts[1] == "" || strings.HasPrefix(name, door+".") {
		return "", false
	}
	if parts[1] == mesh {
		return meshOwner, true
	}
	return parts[1], true
}

// Services lists the services that own a gRPC service, by name.
func Services() []string {
	owners := map[string]bool{}
	for name := range (Table{}).GetServiceInfo() {
		if owner, ok := Owner(name); ok {
			owners[owner] = true
		}
	}
	return slices.Sorted(maps.Keys(owners))
}

// Table lists kfmesh's gRPC services for reflection, as a server that had them
// all would, and the health service beside them. What is served at the door for
// agents is not among them.
type Table struct{}

// GetServiceInfo implements reflection.ServiceInfoProvider.
func (Table) GetServiceInfo() map[string]grpc.ServiceInfo {
	services := map[string]grpc.ServiceInfo{healthpb.Health_ServiceDesc.ServiceName: {Metadata: healthpb.Health_ServiceDesc.Metadata}}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), root+".") || file.Package() == door {
			return true
		}
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			services[string(service.FullName())] = grpc.ServiceInfo{Metadata: file.Path()}
		}
		return true
	})
	return services
}
