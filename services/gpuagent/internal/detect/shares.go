package detect

import (
	"context"
	"strconv"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// maxShares is into how many shares a GPU may be divided.
const maxShares = 128

// Shares says into how many shares in their time whole GPUs are divided.
type Shares struct {
	all     int            // 1 unless it is said
	byModel map[string]int // by words of the model's name
}

// ParseShares reads "4", for all models, or "T4=4,A100=2"; empty divides nothing.
func ParseShares(text string) (Shares, error) {
	s := Shares{all: 1, byModel: map[string]int{}}
	if text == "" {
		return s, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		model, count, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			model, count = "", model
		}
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 || n > maxShares || named && strings.TrimSpace(model) == "" {
			return Shares{}, fault.Invalidf("gpu-shares", "%q is not a number of shares from 1 to %d; want such as 4, or T4=4,A100=2", part, maxShares)
		}
		if named {
			s.byModel[strings.ToLower(strings.TrimSpace(model))] = n
		} else {
			s.all = n
		}
	}
	return s, nil
}

// of is into how many shares a GPU is divided. Parts are not divided again.
func (s Shares) of(gpu *gpuagentv1.Gpu) int {
	if gpu.GetParentUuid() != "" {
		return 1
	}
	for model, n := range s.byModel {
		if strings.Contains(strings.ToLower(gpu.GetModel()), model) {
			return n
		}
	}
	return s.all
}

// Divide has whole GPUs given out in shares.
func (s Shares) Divide(gpus GPUs) GPUs {
	if s.all <= 1 && len(s.byModel) == 0 {
		return gpus
	}
	return shared{gpus, s}
}

// shared is GPUs that are given out in shares.
type shared struct {
	GPUs
	shares Shares
}

// List implements GPUs.
func (s shared) List(ctx context.Context) ([]*gpuagentv1.Gpu, error) {
	whole, err := s.GPUs.List(ctx)
	var units []*gpuagentv1.Gpu
	for _, gpu := range whole {
		n := s.shares.of(gpu)
		if n == 1 {
			units = append(units, gpu)
			continue
		}
		for k := range n {
			units = append(units, share(gpu, k+1, n))
		}
	}
	return units, err
}
