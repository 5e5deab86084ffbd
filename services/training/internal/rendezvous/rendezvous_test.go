package rendezvous_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/rendezvous"
)

// job makes a job "j" of a namespace "ns" with counts by replica type, such as
// "Master=1 Worker=2".
func job(t *testing.T, version, name, field, container, counts string, more ...string) *kind.Job {
	t.Helper()
	text := fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: j, namespace: ns}\nspec:\n  %s:\n", version, name, field)
	for _, count := range strings.Fields(counts) {
		kind, n, _ := strings.Cut(count, "=")
		text += fmt.Sprintf("    %s: {replicas: %s, template: {spec: {containers: [{name: %s, image: i, command: [c]}]}}}\n", kind, n, container)
	}
	for _, m := range more {
		text += "  " + m + "\n"
	}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	j, err := kind.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// reference is what an agent fills in.
var reference = regexp.MustCompile(`\$\{[^}]*\}`)

// resolved fills references in as an agent would: replica i of group g has the host
// g<i> and the port 1000 + i.
func resolved(text string, group string, index int) string {
	return reference.ReplaceAllStringFunc(text, func(ref string) string {
		parts := strings.Split(strings.Trim(ref, "${}"), ".")
		switch {
		case parts[0] == "keep":
			return "KEEP"
		case parts[0] == "self" && parts[1] == "first":
			return strconv.FormatBool(index == 0)
		case parts[0] == "self" && strings.HasPrefix(parts[1], "index"):
			_, n, _ := strings.Cut(parts[1], "+")
			more, _ := strconv.Atoi(n)
			return strconv.Itoa(index + more)
		case parts[0] == "self":
			parts = append([]string{"replica", group, strconv.Itoa(index)}, parts[1:]...)
		}
		if parts[3] == "host" {
			return parts[1] + parts[2]
		}
		n, _ := strconv.Atoi(parts[2])
		return strconv.Itoa(1000 + n)
	})
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	const v1 = "kubeflow.org/v1"
	pytorch := func(counts string, more ...string) *kind.Job {
		return job(t, v1, "PyTorchJob", "pytorchReplicaSpecs", "pytorch", counts, more...)
	}
	tf := func(counts string, more ...string) *kind.Job {
		return job(t, v1, "TFJob", "tfReplicaSpecs", "tensorflow", counts, more...)
	}
	for _, tt := range []struct {
		name  string
		job   *kind.Job
		group string
		index int
		want  string
	}{
		{
			"pytorch master", pytorch("Master=1 Worker=2", "nprocPerNode: \"4\""), "Master", 0,
			"PYTHONUNBUFFERED=1 MASTER_PORT=1000 PET_MASTER_PORT=1000 MASTER_ADDR=master0 PET_MASTER_ADDR=master0 WORLD_SIZE=12 RANK=0 PET_NODE_RANK=0 PET_NPROC_PER_NODE=4 PET_NNODES=3",
		},
		{
			"pytorch worker", pytorch("Master=1 Worker=2"), "Worker", 1,
			"PYTHONUNBUFFERED=1 MASTER_PORT=1000 PET_MASTER_PORT=1000 MASTER_ADDR=master0 PET_MASTER_ADDR=master0 WORLD_SIZE=3 RANK=2 PET_NODE_RANK=2 PET_NPROC_PER_NODE=auto PET_NNODES=3",
		},
		{"pytorch without a master", pytorch("Worker=2"), "Worker", 1, "PYTHONUNBUFFERED=1 PET_NPROC_PER_NODE=auto PET_NNODES=2"},
		{
			"elastic", pytorch("Worker=2", "elasticPolicy: {minReplicas: 1, maxReplicas: 3, maxRestarts: 7, rdzvId: x, rdzvConf: [{key: a, value: b}, {key: c, value: d}], nProcPerNode: 2}"), "Worker", 1,
			"PYTHONUNBUFFERED=1 PET_RDZV_ENDPOINT=worker0:1000 PET_RDZV_BACKEND=c10d PET_NNODES=1:3 PET_MAX_RESTARTS=7 PET_NPROC_PER_NODE=2 PET_RDZV_ID=x PET_RDZV_CONF=a=b,c=d,is_host=false",
		},
		{
			"elastic with a host of its own", pytorch("Worker=2", "elasticPolicy: {rdzvConf: [{key: is_host, value: \"1\"}]}"), "Worker", 1,
			"PYTHONUNBUFFERED=1 PET_NPROC_PER_NODE=auto PET_RDZV_ENDPOINT=worker0:1000 PET_RDZV_BACKEND=c10d PET_NNODES=2:2 PET_RDZV_CONF=is_host=1",
		},
		{
			"elastic at a place", pytorch("Worker=2", "elasticPolicy: {rdzvHost: etcd, rdzvPort: 2379, rdzvBackend: etcd-v2, standalone: true}"), "Worker", 0,
			"PYTHONUNBUFFERED=1 PET_NPROC_PER_NODE=auto PET_RDZV_ENDPOINT=etcd:2379 PET_RDZV_BACKEND=etcd-v2 PET_NNODES=2:2 PET_STANDALONE=",
		},
		{
			"tensorflow", tf("Chief=1 Worker=2 PS=1"), "Worker", 1,
			`TF_CONFIG={"cluster":{"chief":["chief0:1000"],"ps":["ps0:1000"],"worker":["worker0:1000","worker1:1001"]},"task":{"type":"worker","index":1},"environment":"cloud"}`,
		},
		{"tensorflow alone", tf("Worker=1"), "Worker", 0, ""},
		{
			"tensorflow dynamic", tf("Worker=2 PS=2", "enableDynamicWorker: true"), "Worker", 1,
			`TF_CONFIG={"cluster":{"worker":{"1":"worker1:1001"},"ps":["ps0:1000","ps1:1001"]},"task":{"type":"worker","index":1}}`,
		},
		{
			"tensorflow dynamic server", tf("Worker=2 PS=2", "enableDynamicWorker: true"), "PS", 1,
			`TF_CONFIG={"cluster":{"worker":{},"ps":["ps1:1001"]},"task":{"type":"ps","index":1}}`,
		},
		{
			"xgboost", job(t, v1, "XGBoostJob", "xgbReplicaSpecs", "xgboost", "Master=1 Worker=2"), "Worker", 0,
			"MASTER_PORT=1000 MASTER_ADDR=master0 WORLD_SIZE=3 RANK=1 PYTHONUNBUFFERED=1 WORKER_PORT=1000 WORKER_ADDRS=worker0,worker1 KFMESH_WORKER_ADDRS=worker0:1000,worker1:1001",
		},
		{
			"jax", job(t, v1, "JAXJob", "jaxReplicaSpecs", "jax", "Worker=3"), "Worker", 2,
			"PYTHONUNBUFFERED=1 COORDINATOR_PORT=1000 COORDINATOR_ADDRESS=worker0 NUM_PROCESSES=3 PROCESS_ID=2",
		},
		{
			"paddle", job(t, v1, "PaddleJob", "paddleReplicaSpecs", "paddle", "Worker=2"), "Worker", 1,
			"PYTHONUNBUFFERED=1 PADDLE_JOB_ID=j PADDLE_NNODES=2 PADDLE_MASTER=worker0:1000",
		},
		{
			"paddle with a server", job(t, v1, "PaddleJob", "paddleReplicaSpecs", "paddle", "Master=1 Worker=2"), "Worker", 1,
			"PYTHONUNBUFFERED=1 PADDLE_JOB_ID=j PADDLE_NNODES=3 PADDLE_MASTER=master0:1000 PADDLE_TRAINER_NUM=1",
		},
		{
			"mxnet", job(t, v1, "MXJob", "mxReplicaSpecs", "mxnet", "Scheduler=1 Server=1 Worker=2"), "Worker", 1,
			`MX_CONFIG={"cluster":{"scheduler":[{"url":"scheduler0","port":1000}],"server":[{"url":"server0","port":1000}],"worker":[{"url":"worker0","port":1000},{"url":"worker1","port":1001}]},` +
				`"labels":{"scheduler":"","server":"","worker":""},"task":{"type":"worker","index":1}} ` +
				"DMLC_PS_ROOT_PORT=1000 DMLC_PS_ROOT_URI=scheduler0 DMLC_NUM_SERVER=1 DMLC_NUM_WORKER=2 DMLC_ROLE=worker DMLC_USE_KUBERNETES=1 DMLC_WORKER_ID=1",
		},
		{
			"mxnet without a scheduler", job(t, v1, "MXJob", "mxReplicaSpecs", "mxnet", "Tuner=1", "jobMode: MXTune"), "Tuner", 0,
			`MX_CONFIG={"cluster":{"tuner":[{"url":"tuner0","port":1000}]},"labels":{"tuner":""},"task":{"type":"tuner","index":0}} ` +
				"DMLC_PS_ROOT_PORT=0 DMLC_PS_ROOT_URI= DMLC_NUM_SERVER=0 DMLC_NUM_WORKER=0 DMLC_ROLE=tuner DMLC_USE_KUBERNETES=1",
		},
		{
			"elastic with a master", pytorch("Master=1 Worker=2", "elasticPolicy: {minReplicas: 1, nProcPerNode: 2}"), "Worker", 0,
			"PYTHONUNBUFFERED=1 MASTER_PORT=1000 PET_MASTER_PORT=1000 MASTER_ADDR=master0 PET_MASTER_ADDR=master0 WORLD_SIZE=3 RANK=1 PET_NODE_RANK=1 " +
				"PET_RDZV_ENDPOINT=worker0:1000 PET_RDZV_BACKEND=c10d PET_NNODES=1:1 PET_NPROC_PER_NODE=2 PET_RDZV_CONF=is_host=true",
		},
		{
			"two masters of paddle", job(t, v1, "PaddleJob", "paddleReplicaSpecs", "paddle", "Master=2 Worker=1"), "Master", 1,
			"PYTHONUNBUFFERED=1 PADDLE_JOB_ID=j PADDLE_NNODES=3 PADDLE_MASTER=master0:1000 PADDLE_SERVER_NUM=1",
		},
		{
			"mpi", job(t, v1, "MPIJob", "mpiReplicaSpecs", "m", "Launcher=1 Worker=2"), "Launcher", 0,
			"OMPI_MCA_plm_rsh_agent=KEEP/mpi-4/kubexec.sh OMPI_MCA_orte_default_hostfile=KEEP/mpi-4/hostfile OMPI_MCA_orte_keep_fqdn_hostnames=true PRTE_MCA_plm_ssh_agent=KEEP/mpi-4/kubexec.sh PRTE_MCA_prte_default_hostfile=KEEP/mpi-4/hostfile PRTE_MCA_prte_keep_fqdn_hostnames=true OMPI_MCA_coll_han_priority=0 " +
				"I_MPI_HYDRA_HOST_FILE=KEEP/mpi-4/hostfile I_MPI_HYDRA_BOOTSTRAP=rsh I_MPI_HYDRA_BOOTSTRAP_EXEC=KEEP/mpi-4/kubexec.sh K_MPI_JOB_ROLE=launcher NVIDIA_VISIBLE_DEVICES= NVIDIA_DRIVER_CAPABILITIES= " + launcherHosts,
		},
		{
			"mpi v2 of Intel", job(t, "kubeflow.org/v2beta1", "MPIJob", "mpiReplicaSpecs", "m", "Launcher=1 Worker=2", "mpiImplementation: Intel", "slotsPerWorker: 3"), "Launcher", 0,
			"I_MPI_HYDRA_HOST_FILE=KEEP/mpi-4/hostfile I_MPI_HYDRA_BOOTSTRAP=rsh I_MPI_HYDRA_BOOTSTRAP_EXEC=KEEP/mpi-4/kubexec.sh I_MPI_PERHOST=3 K_MPI_JOB_ROLE=launcher NVIDIA_VISIBLE_DEVICES= NVIDIA_DRIVER_CAPABILITIES= " + launcherHosts,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := tt.job.Group(tt.group)
			var env []string
			w := rendezvous.Of(tt.job, r, 4)
			if elastic := tt.job.PyTorch.Elastic != nil; elastic != (len(w.Defaults) > 0) {
				t.Errorf("elastic: %t, and the defaults are %v", elastic, w.Defaults)
			}
			for _, v := range w.Env {
				value := resolved(v.Value, r.Group, tt.index)
				if strings.HasPrefix(value, "{") && !json.Valid([]byte(value)) {
					t.Errorf("%s is no JSON: %s", v.Name, value)
				}
				env = append(env, v.Name+"="+value)
			}
			if got := strings.Join(env, " "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestWhoIsTold: only one container of a TFJob's pods is told, of other kinds all are that run beside it.
func TestWhoIsTold(t *testing.T) {
	t.Parallel()
	tf := job(t, "kubeflow.org/v1", "TFJob", "tfReplicaSpecs", "tensorflow", "Worker=2")
	if got := rendezvous.Of(tf, tf.Group("Worker"), 1).To; !slices.Equal(got, []string{"tensorflow"}) {
		t.Errorf("of a TFJob %q are told", got)
	}
	jax := job(t, "kubeflow.org/v1", "JAXJob", "jaxReplicaSpecs", "jax", "Worker=2")
	if got := rendezvous.Of(jax, jax.Group("Worker"), 1).To; got != nil {
		t.Errorf("of a JAXJob only %q are told", got)
	}
	mpi := job(t, "kubeflow.org/v1", "MPIJob", "mpiReplicaSpecs", "m", "Launcher=1 Worker=1")
	for _, group := range []string{"Launcher", "Worker"} {
		if got := rendezvous.Of(mpi, mpi.Group(group), 1).To; len(got) != 1 {
			t.Errorf("of an MPIJob's %s %q are told, want its first container", group, got)
		}
	}
}

// launcherHosts are what a launcher knows of where the others are.
const launcherHosts = "KFMESH_MPI_SELF=launcher0 KFMESH_MPI_HOSTS=j-launcher-0=launcher0:0 j-worker-0=worker0:1000 j-worker-1=worker1:1001"

// TestAgentOfAnotherNode: what is to run elsewhere is handed to the program for it.
func TestAgentOfAnotherNode(t *testing.T) {
	t.Parallel()
	j := job(t, "kubeflow.org/v2beta1", "MPIJob", "mpiReplicaSpecs", "m", "Launcher=1 Worker=1")
	dir := t.TempDir()
	for _, f := range rendezvous.Of(j, j.Group("Launcher"), 1).Files {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f.Path)), []byte(f.Content), os.FileMode(f.Mode)); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "KFMESH_MPI_SELF=10.0.0.1", "KFMESH_MPI_HOSTS=j-launcher-0=10.0.0.1:0 j-worker-0=10.0.0.2:4711"}
	call := func(more ...string) string {
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "kubexec.sh"), "-n", "j-worker-0.j.ns.svc", "echo", "$HOME;", "orted")
		cmd.Env = append(more, env...)
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	if got, want := call("KFMESH_RSH=echo"), "run -n 10.0.0.2:4711 echo $HOME; orted\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := call(); !strings.Contains(got, "worker j-worker-0 is on another node") {
		t.Errorf("without the program it says %q", got)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "discover_hosts.sh"))
	cmd.Env = env
	if out, err := cmd.Output(); err != nil || string(out) != "j-worker-0.j.ns.svc\n" {
		t.Errorf("found %q, %v", out, err)
	}
}

func TestHostFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ version, more, want string }{
		{"kubeflow.org/v1", "slotsPerWorker: 2", "j-worker-0 slots=2\nj-worker-1 slots=2\n"},
		{"kubeflow.org/v2beta1", "runLauncherAsWorker: true", "j-launcher.j.ns.svc slots=1\nj-worker-0.j.ns.svc slots=1\nj-worker-1.j.ns.svc slots=1\n"},
		{"kubeflow.org/v2beta1", "mpiImplementation: MPICH", "j-worker-0.j.ns.svc:1\nj-worker-1.j.ns.svc:1\n"},
	} {
		j := job(t, tt.version, "MPIJob", "mpiReplicaSpecs", "m", "Launcher=1 Worker=2", tt.more)
		if got := rendezvous.Of(j, j.Group("Launcher"), 1).Files[0].Content; got != tt.want {
			t.Errorf("%s %s: got %q, want %q", tt.version, tt.more, got, tt.want)
		}
	}
}

// TestAgent has the stand-in for rsh run a command as a worker would that has left
// its environment.
func TestAgent(t *testing.T) {
	t.Parallel()
	j := job(t, "kubeflow.org/v2beta1", "MPIJob", "mpiReplicaSpecs", "m", "Launcher=1 Worker=1")
	dir := t.TempDir()
	for _, f := range rendezvous.Of(j, j.Group("Launcher"), 1).Files {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f.Path)), []byte(f.Content), os.FileMode(f.Mode)); err != nil {
			t.Fatal(err)
		}
	}
	discover := func() string {
		out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "discover_hosts.sh")).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if got := discover(); got != "" {
		t.Errorf("a worker that has not begun is found: %q", got)
	}
	command := rendezvous.Of(j, j.Group("Worker"), 1).Command
	command[len(command)-1] = filepath.Join(dir, "j-worker-0.env")
	worker := exec.CommandContext(t.Context(), command[0], command[1:]...)
	worker.Env = append(os.Environ(), "SAYS=it's\nme")
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = worker.Process.Kill()
		_ = worker.Wait()
	}()
	out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "kubexec.sh"), "-n", "-l", "me", "j-worker-0.j.ns.svc", `printf '%s|' "$SAYS" $0 x;`, "echo", "done").CombinedOutput()
	if want := "it's\nme|/bin/sh|x|done\n"; err != nil || string(out) != want {
		t.Errorf("got %q, %v; want %q", out, err, want)
	}
	if got := discover(); got != "j-worker-0.j.ns.svc\n" {
		t.Errorf("found %q", got)
	}
}
