package rendezvous_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/rendezvous"
	"github.com/kfmesh/kfmesh/services/training/internal/trainjob"
)

// trainJob makes a TrainJob "j" of a built-in runtime.
func trainJob(t *testing.T, runtime, trainer string) *kind.Job {
	t.Helper()
	text := "apiVersion: trainer.kubeflow.org/v1alpha1\nkind: TrainJob\nmetadata: {name: j}\nspec: {runtimeRef: {name: " + runtime + "}" + trainer + "}"
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	j, err := trainjob.Parse(data, "ns", trainjob.Kept(trainjob.Stock()[runtime].GetManifest()))
	if err != nil {
		t.Fatal(err)
	}
	return j.Job
}

func TestTrainJob(t *testing.T) {
	for name, c := range map[string]struct{ runtime, trainer, group, want string }{
		"torch": {
			"torch-distributed", ", trainer: {numNodes: 3, resourcesPerNode: {limits: {cpu: 2}}}", "node",
			"PET_NNODES=3 PET_NPROC_PER_NODE=2 PET_NODE_RANK=${self.index} PET_MASTER_ADDR=${replica.node.0.host} PET_MASTER_PORT=${replica.node.0.port.trainjob-port}",
		},
		"torch, nothing of the trainer": {"torch-distributed", "", "node", ""},
		"torch, nothing of resources": {
			"torch-distributed", ", trainer: {numNodes: 2}", "node",
			"PET_NNODES=2 PET_NPROC_PER_NODE=1 PET_NODE_RANK=${self.index} PET_MASTER_ADDR=${replica.node.0.host} PET_MASTER_PORT=${replica.node.0.port.trainjob-port}",
		},
		"jax, nothing of the trainer": {"jax-distributed", "", "node", ""},
		"torch with GPUs": {
			"torch-distributed", ", trainer: {resourcesPerNode: {limits: {nvidia.com/gpu: 4}}}", "node",
			"PET_NNODES=1 PET_NPROC_PER_NODE=auto PET_NODE_RANK=${self.index} PET_MASTER_ADDR=${replica.node.0.host} PET_MASTER_PORT=${replica.node.0.port.trainjob-port}",
		},
		"an initializer": {"torchtune-llama3.2-1b", ", trainer: {command: [tune, run]}", "dataset-initializer", ""},
		"torchtune": {
			"torchtune-llama3.2-1b", ", trainer: {command: [tune, run], args: [batch_size=1]}", "node",
			"PET_NNODES=1 PET_NPROC_PER_NODE=auto PET_NODE_RANK=${self.index} | tune run --rdzv_endpoint=${replica.node.0.host}:${replica.node.0.port.trainjob-port} " +
				"full_finetune_distributed --config llama3_2/1B_full output_dir=$(INITIALIZED)/output tokenizer.path=$(INITIALIZED)/model/original/tokenizer.model " +
				"checkpointer.checkpoint_dir=$(INITIALIZED)/model batch_size=1",
		},
		"torchtune with adapters on one device": {
			"torchtune-llama3.2-1b", ", trainer: {command: [tune, run], args: [\"model.lora_attn_modules=[q_proj]\"], resourcesPerNode: {limits: {nvidia.com/gpu: 1}}}", "node",
			"PET_NNODES=1 PET_NPROC_PER_NODE=auto PET_NODE_RANK=${self.index} | tune run lora_finetune_single_device --config llama3_2/1B_lora_single_device " +
				"output_dir=$(INITIALIZED)/output tokenizer.path=$(INITIALIZED)/model/original/tokenizer.model checkpointer.checkpoint_dir=$(INITIALIZED)/model model.lora_attn_modules=[q_proj]",
		},
		"jax": {
			"jax-distributed", ", trainer: {numNodes: 2}", "node",
			"JAX_NUM_PROCESSES=2 JAX_PROCESS_ID=${self.index} JAX_COORDINATOR_ADDRESS=${replica.node.0.host}:${replica.node.0.port.trainjob-port}",
		},
		"xgboost": {
			"xgboost-distributed", ", trainer: {numNodes: 2, resourcesPerNode: {limits: {nvidia.com/gpu: 4}}}", "node",
			"DMLC_TRACKER_URI=${replica.node.0.host} DMLC_TRACKER_PORT=${replica.node.0.port.trainjob-port} DMLC_TASK_ID=${self.index} DMLC_NUM_WORKER=8",
		},
		"mpi": {
			"deepspeed-distributed", ", trainer: {numNodes: 3, numProcPerNode: 2}", "launcher",
			"OMPI_MCA_plm_rsh_agent=${keep}/mpi-1/kubexec.sh OMPI_MCA_orte_default_hostfile=${keep}/mpi-1/hostfile " +
				"OMPI_MCA_orte_keep_fqdn_hostnames=true PRTE_MCA_plm_ssh_agent=${keep}/mpi-1/kubexec.sh PRTE_MCA_prte_default_hostfile=${keep}/mpi-1/hostfile PRTE_MCA_prte_keep_fqdn_hostnames=true OMPI_MCA_coll_han_priority=0 OMPI_MCA_orte_set_default_slots=2 PRTE_MCA_prte_set_default_slots=2 K_MPI_JOB_ROLE=launcher " +
				"KFMESH_MPI_SELF=${self.host} KFMESH_MPI_HOSTS=j-launcher-0-0=${replica.launcher.0.host}:0 " +
				"j-node-0-0=${replica.node.0.host}:${replica.node.0.port.kfmesh-rsh} j-node-0-1=${replica.node.1.host}:${replica.node.1.port.kfmesh-rsh}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			j := trainJob(t, c.runtime, c.trainer)
			w := rendezvous.Of(j, j.Group(c.group), 1)
			var words []string
			for _, v := range w.Env {
				words = append(words, v.Name+"="+v.Value)
			}
			got := strings.Join(words, " ")
			if w.Command != nil {
				got += " | " + strings.Join(w.Command, " ")
			}
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestTrainJobHostFile(t *testing.T) {
	j := trainJob(t, "deepspeed-distributed", ", trainer: {numNodes: 3, numProcPerNode: 2}")
	w := rendezvous.Of(j, j.Group("launcher"), 1)
	const want = "j-launcher-0-0.j slots=2\nj-node-0-0.j slots=2\nj-node-0-1.j slots=2\n"
	if len(w.Files) == 0 || w.Files[0].Content != want {
		t.Errorf("the host file is %v; want %q", w.Files, want)
	}
	if node := rendezvous.Of(j, j.Group("node"), 1); len(node.Command) == 0 || !strings.HasSuffix(node.Command[4], "/j-node-0-${self.index}.env") {
		t.Errorf("a node runs %q", node.Command)
	}
}
