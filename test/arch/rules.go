package arch

// KfmeshRules are the import rules of this repository.
func KfmeshRules() Rules {
	return Rules{Layers: layers(), Bans: bans()}
}

const whyService = "a service meets other services only through generated clients and events, and never knows a concrete backend or the shape it runs in"

func layers() []Layer {
	nouns := []Pattern{
		"gen/...", "internal/app", "internal/batch", "internal/lease", "internal/reconcile", "internal/store", "internal/event",
		"internal/blob", "internal/rpc", "internal/auth", "internal/fault", "internal/config", "internal/resource",
		"internal/telemetry", "internal/trackid", "internal/object", "internal/boottime",
	}
	return []Layer{
		{
			Packages: []Pattern{"gen/..."},
			May:      []Pattern{"gen/..."},
			Why:      "generated code needs protobuf and gRPC only",
		},
		{
			Packages: []Pattern{"cmd/kfmesh-supervisor/...", "cmd/internal/verb"},
			May:      []Pattern{"cmd/internal/verb", "internal/supervise", "internal/enter", "internal/pod", "internal/tether", "internal/cgroup"},
			Why:      "a supervisor is small and quick to start, so it links nothing it can do without",
		},
		{
			Packages: []Pattern{"cmd/kfmesh-rsh/..."},
			May:      []Pattern{"internal/rsh"},
			Why:      "it stays for as long as a replica of an MPI job runs, so it links nothing it can do without",
		},
		{
			Packages: []Pattern{"cmd/kfmesh-probe/..."},
			May:      []Pattern{"internal/probe"},
			Why:      "it starts for each probe, so it links nothing it can do without",
		},
		{
			Packages: []Pattern{"internal/probe/..."},
			May:      []Pattern{"internal/pod"},
			Why:      "it does what a pod asks for and knows nothing else of kfmesh's",
		},
		{
			Packages: []Pattern{"internal/rsh/..."},
			May:      nil,
			Why:      "what a replica serves stands on nothing else of kfmesh's",
		},
		{
			Packages: []Pattern{"cmd/{name}/..."},
			May: []Pattern{
				"cmd/{name}/...", "cmd/internal/...", "services/*", "internal/supervise", "internal/enter", "gen/...", "internal/app", "internal/platform",
				"internal/embedded", "internal/config", "internal/telemetry", "internal/rpc", "internal/fault",
				"internal/mesh/door", "internal/mesh/joined", "internal/store", "internal/object",
			},
			Why: "a command wires services together and talks to them through generated clients; what it needs of a service is in services/<service>",
		},
		{
			Packages: []Pattern{"services/gpuagent/..."},
			May:      append([]Pattern{"services/gpuagent/...", "internal/rsh", "internal/supervise", "internal/enter", "internal/pod", "internal/tether", "internal/probe", "internal/cgroup", "internal/fence"}, nouns...),
			Why:      whyService,
		},
		{
			Packages: []Pattern{"services/{service}/..."},
			May:      append([]Pattern{"services/{service}/..."}, nouns...),
			Why:      whyService,
		},
		{
			Packages: []Pattern{"internal/embedded/...", "internal/platform/..."},
			May: []Pattern{
				"internal/embedded/...", "internal/platform/...", "internal/app", "internal/store/...", "internal/event/...",
				"internal/blob/...", "internal/rpc", "internal/lease", "internal/config", "internal/telemetry", "internal/fault", "gen/...",
			},
			Why: "embedded and platform choose backends; they know no service",
		},
		{
			Packages: []Pattern{"internal/mesh/identity/...", "internal/mesh/token/...", "internal/mesh/member/..."},
			May:      []Pattern{"internal/mesh/identity", "internal/mesh/token", "internal/store", "internal/fault", "gen/..."},
			Why:      "who may come in is decided without knowing who serves, or how",
		},
		{
			Packages: []Pattern{"internal/mesh/..."},
			May: []Pattern{
				"internal/mesh/...", "internal/app", "internal/store/...", "internal/blob/...", "internal/rpc", "internal/config",
				"internal/telemetry", "internal/fault", "gen/...",
			},
			Why: "the mesh's door serves the head's backends to other machines and knows no service",
		},
		{
			Packages: []Pattern{"internal/app/...", "internal/lease/...", "internal/reconcile/..."},
			May: []Pattern{
				"internal/app/...", "internal/lease/...", "internal/reconcile/...", "internal/store", "internal/event",
				"internal/blob", "internal/rpc", "internal/telemetry", "internal/fault", "internal/config", "gen/...",
			},
			Why: "the frame of services sees the interfaces in store, event, blob and rpc, not what implements them",
		},
		{
			Packages: []Pattern{"internal/event/..."},
			May:      []Pattern{"internal/event/...", "internal/store", "internal/fault", "internal/resource", "internal/telemetry", "gen/..."},
			Why:      "events are published from the watch of a store and stand below everything else",
		},
		{
			Packages: []Pattern{"internal/cgroup/...", "internal/boottime/..."},
			May:      nil,
			Why:      "supervisors link them, so they stand on nothing else of kfmesh's",
		},
		{
			Packages: []Pattern{"internal/fence/..."},
			May:      []Pattern{"internal/cgroup"},
			Why:      "it attaches programs to control groups, and is the agent's",
		},
		{
			Packages: []Pattern{"internal/supervise/..."},
			May:      []Pattern{"internal/cgroup", "internal/boottime"},
			Why:      "a supervisor is small and quick to start, so what it runs stands on nothing else of kfmesh's",
		},
		{
			Packages: []Pattern{"internal/enter/..."},
			May:      []Pattern{"internal/supervise", "internal/cgroup"},
			Why:      "a step waits for what puts it into its mounts",
		},
		{
			Packages: []Pattern{"internal/pod/...", "internal/tether/..."},
			May:      []Pattern{"internal/supervise", "internal/boottime"},
			Why:      "what runs a pod's containers is part of the supervisor, which is small and quick to start",
		},
		{
			Packages: []Pattern{"internal/fault/...", "internal/resource/...", "internal/config/...", "internal/telemetry/..."},
			May:      []Pattern{"internal/fault"},
			Why:      "fault, resource, config and telemetry need the standard library and their one library",
		},
		{
			Packages: []Pattern{"internal/{noun}/..."},
			May:      []Pattern{"internal/{noun}/...", "internal/fault", "internal/resource", "internal/telemetry", "internal/boottime", "gen/..."},
			Why:      "store, blob, rpc and auth stand below everything but fault, resource and telemetry",
		},
		{
			Packages: []Pattern{"test/..."},
			May:      []Pattern{"..."},
			Why:      "tests of the whole may cross everything",
		},
	}
}

func bans() []Ban {
	return []Ban{
		{
			Imports: []Pattern{"go.etcd.io/etcd/..."},
			Only:    []Pattern{"internal/store/etcd/...", "internal/embedded/...", "internal/platform/...", "test/..."},
			Why:     "only the backend that wraps etcd, and who opens its connection, may know it; use internal/store",
		},
		{
			Imports: []Pattern{"github.com/nats-io/..."},
			Only:    []Pattern{"internal/event/jetstream/...", "internal/embedded/...", "internal/platform/...", "test/..."},
			Why:     "only the backend that wraps NATS, and who opens its connection, may know it; use internal/event",
		},
		{
			Imports: []Pattern{"gocloud.dev/blob/..."},
			Only:    []Pattern{"internal/blob/...", "internal/platform/...", "test/..."},
			Why:     "buckets are opened in one place; use internal/blob",
		},
		{
			Imports: []Pattern{"gocloud.dev/secrets/..."},
			Only:    []Pattern{"services/gpuagent/internal/secret/...", "internal/platform/..."},
			Why:     "keys are used in one place, which hands values to replicas and nobody else",
		},
		{
			Imports: []Pattern{"modernc.org/sqlite/...", "github.com/jackc/pgx/...", "github.com/pressly/goose/...", "database/sql/..."},
			Only:    []Pattern{"services/metadata/...", "test/..."},
			Why:     "history and metadata have one home: the metadata service and its ArchiveService",
		},
		{
			Imports: []Pattern{"github.com/moby/moby/..."},
			Only:    []Pattern{"services/gpuagent/internal/runtime/container/...", "test/..."},
			Why:     "one runtime speaks to a container engine; start workloads through WorkloadService",
		},
		{
			Imports: []Pattern{"github.com/cilium/ebpf/..."},
			Only:    []Pattern{"internal/fence/..."},
			Why:     "programs are loaded into the kernel in one place",
		},
		{
			Imports: []Pattern{"github.com/spf13/cobra/..."},
			Only:    []Pattern{"cmd/...", "internal/platform/..."},
			Why:     "only commands have a command line",
		},
		{
			Imports: []Pattern{"github.com/knadh/koanf/..."},
			Only:    []Pattern{"internal/config/..."},
			Why:     "configuration is read in one place; take a Config struct",
		},
		{
			Imports: []Pattern{"google.golang.org/grpc/status/...", "google.golang.org/genproto/googleapis/rpc/errdetails/..."},
			Only:    []Pattern{"internal/rpc/...", "internal/store/etcd", "services/gateway/internal/...", "gen/...", "test/..."},
			Why:     "return a fault; only internal/rpc turns faults into gRPC status; the gateway and the etcd backend read them",
		},
		{
			Imports: []Pattern{"cel.dev/...", "github.com/google/cel-go/..."},
			Only:    []Pattern{"services/*/internal/expr/..."},
			Why:     "expressions are evaluated in one package a service",
		},
		{
			Imports: []Pattern{"log", "math/rand", "io/ioutil", "github.com/pkg/errors", "golang.org/x/exp/..."},
			Why:     "there is a better one: log/slog, math/rand/v2, io and os, errors and fmt, the standard library",
		},
	}
}
