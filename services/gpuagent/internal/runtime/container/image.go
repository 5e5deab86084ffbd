package container

import (
	"context"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// imageFacts are what an image says of how it is run.
type imageFacts struct {
	entrypoint, command []string
	env                 []string
	workDir, user       string
}

// bring sees to it that the engine has the image, and returns what it says of itself.
func (s *starter) bring(ctx context.Context, o runtime.Order) (imageFacts, error) {
	t := o.Template
	policy, err := pullPolicy(t.GetImage(), t.GetImagePullPolicy())
	if err != nil {
		return imageFacts{}, err
	}
	found, missing := s.engine.image(ctx, t.GetImage())
	if missing != nil && !cerrdefs.IsNotFound(missing) {
		return found, missing
	}
	switch {
	case policy == gpuagentv1.PullPolicy_PULL_POLICY_NEVER && missing != nil:
		return found, fault.Preconditionf("image %s is not on this node, and image_pull_policy is NEVER", t.GetImage())
	case policy == gpuagentv1.PullPolicy_PULL_POLICY_NEVER, policy == gpuagentv1.PullPolicy_PULL_POLICY_IF_NOT_PRESENT && missing == nil:
		return found, nil
	}
	if err := s.pull(ctx, t.GetImage()); err != nil {
		if missing == nil && t.GetImagePullPolicy() == gpuagentv1.PullPolicy_PULL_POLICY_UNSPECIFIED && ctx.Err() == nil {
			s.order.Tell.Warn(fmt.Sprintf("image %s could not be pulled, so it runs as this node has it: %v", t.GetImage(), err))
			return found, nil
		}
		return found, err
	}
	return s.engine.image(ctx, t.GetImage())
}

// pullPolicy returns when to pull an image: for the tag "latest" always, unless
// somebody says otherwise.
func pullPolicy(image string, said gpuagentv1.PullPolicy) (gpuagentv1.PullPolicy, error) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return said, fault.New(fault.Invalid, "%q is no name of an image: %v", image, err)
	}
	if said != gpuagentv1.PullPolicy_PULL_POLICY_UNSPECIFIED {
		return said, nil
	}
	_, digested := named.(reference.Digested)
	tagged, ok := reference.TagNameOnly(named).(reference.Tagged)
	if !digested && ok && tagged.Tag() == "latest" {
		return gpuagentv1.PullPolicy_PULL_POLICY_ALWAYS, nil
	}
	return gpuagentv1.PullPolicy_PULL_POLICY_IF_NOT_PRESENT, nil
}

// image returns what an image says of itself.
func (e *engine) image(ctx context.Context, name string) (imageFacts, error) {
	found, err := e.ImageInspect(ctx, name)
	if err != nil {
		return imageFacts{}, err
	}
	if found.Config == nil {
		return imageFacts{}, nil
	}
	c := found.Config
	return imageFacts{entrypoint: c.Entrypoint, command: c.Cmd, env: c.Env, workDir: c.WorkingDir, user: c.User}, nil
}
