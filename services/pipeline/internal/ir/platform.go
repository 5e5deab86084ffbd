package ir

// Platform is the Kubernetes platform spec of a pipeline, the second document
// of a compiled file.
type Platform struct {
	DeploymentSpec struct {
		Executors map[string]*Pod `json:"executors"`
	} `json:"deploymentSpec"`
	PipelineConfig PipelineConfig `json:"pipelineConfig"`
}

// PipelineConfig is what the platform spec says of the run as a whole. Its
// resource TTLs, which are about objects of a cluster, are not read.
type PipelineConfig struct {
	Workspace             *Workspace `json:"workspace"`
	ActiveDeadlineSeconds Int        `json:"activeDeadlineSeconds"` // 0 for none
}

// Workspace is a directory that the steps of a run share.
type Workspace struct {
	Size string `json:"size"`
}

// WantsWorkspace reports whether the steps of a run are to share a directory.
func (s *Spec) WantsWorkspace() bool {
	return s.Platform != nil && s.Platform.PipelineConfig.Workspace != nil
}

// Pod returns what the platform spec says of the pod of an executor, by its
// label, nil when it says nothing.
func (s *Spec) Pod(executorLabel string) *Pod {
	if s.Platform == nil {
		return nil
	}
	return s.Platform.DeploymentSpec.Executors[executorLabel]
}
