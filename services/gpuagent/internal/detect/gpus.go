package detect

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// GPUs is the GPUs of a node.
type GPUs interface {
	// List returns what can be given out, by index, with what it does and what is wrong
	// with it as far as that can be known; none and no error where there is no driver.
	List(ctx context.Context) ([]*gpuagentv1.Gpu, error)
	// Watch tells what happens to them until ctx ends. It returns at once where nothing
	// can be heard of.
	Watch(ctx context.Context, tell func(Trouble)) error
	// Driver says what they are found by, for people; empty without any.
	Driver() string
}

// Trouble is an error that a GPU has had.
type Trouble struct {
	UUID    string // of the whole GPU
	XID     int32  // number of the error; 0 when it has none
	Problem string // why it is not to be used any more; empty when an application is to blame
}

// Vendors, as Gpu.vendor has them.
const (
	VendorNvidia = "nvidia"
	VendorAMD    = "amd"
)

// Real finds the GPUs that are there, of each vendor.
func Real(log *slog.Logger) GPUs { return &host{log: log, root: "/"} }

type host struct {
	log  *slog.Logger
	root string // of the file system

	once  sync.Once
	found vendors // set by once
}

// vendors looks whose there are, once.
func (r *host) vendors(ctx context.Context) vendors {
	r.once.Do(func() {
		nvidia, err := openNVML(r.root)
		if err != nil {
			smi := Nvidia{root: r.root, why: err}
			smi.warn(ctx, r.log)
			nvidia = smi
		}
		r.found = vendors{nvidia, AMD{root: r.root}}
	})
	return r.found
}

// List implements GPUs.
func (r *host) List(ctx context.Context) ([]*gpuagentv1.Gpu, error) { return r.vendors(ctx).List(ctx) }

// Watch implements GPUs.
func (r *host) Watch(ctx context.Context, tell func(Trouble)) error {
	return r.vendors(ctx).Watch(ctx, tell)
}

// Driver implements GPUs.
func (r *host) Driver() string { return r.vendors(context.Background()).Driver() }

// eccProblem says what makes memory unfit: errors that could not be corrected, or rows
// that could not be replaced.
func eccProblem(uncorrected int64, remapFailed bool) string {
	switch {
	case uncorrected == 1:
		return "1 memory error could not be corrected since the driver was loaded"
	case uncorrected > 1:
		return fmt.Sprintf("%d memory errors could not be corrected since the driver was loaded", uncorrected)
	case remapFailed:
		return "a row of its memory is broken and could not be replaced"
	}
	return ""
}
