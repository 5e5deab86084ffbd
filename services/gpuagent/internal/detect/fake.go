package detect

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// maxFakes is how many GPUs a node may pretend to have.
const maxFakes = 64

// Fake is GPUs that are not there, so that what asks for GPUs can be tried on a
// machine without any: they are placed, allotted, hidden and fail as real ones do.
type Fake struct {
	gpus []fakeGPU
	node string
	// Events is the file from which it is read what happens to them.
	Events string
	// Devices is a directory of device nodes that stand for theirs, where they are to be
	// kept apart: "3" of the GPU 3, "3.1" of its first part. It need not exist.
	Devices string
}

// fakeGPU is one of them.
type fakeGPU struct {
	model string   // as people call it
	mig   []string // profiles of its MIG devices
	share int      // into how many shares it is divided; 0 for none
}

// model is a GPU as its vendor describes it.
type model struct {
	name   string
	memory int64 // bytes
	linked bool  // whether such GPUs of a machine are all joined, by NVLink or a like of it
}

// models are GPUs by the short name that people use. What is not among them
// keeps its name and has 16 GiB.
var models = map[string]model{
	"T4":    {"Tesla T4", 16 << 30, false},
	"L4":    {"NVIDIA L4", 24 << 30, false},
	"V100":  {"Tesla V100-SXM2-32GB", 32 << 30, true},
	"A100":  {"NVIDIA A100-SXM4-80GB", 80 << 30, true},
	"H100":  {"NVIDIA H100 80GB HBM3", 80 << 30, true},
	"H200":  {"NVIDIA H200", 141 << 30, true},
	"B200":  {"NVIDIA B200", 180 << 30, true},
	"MI300": {"AMD Instinct MI300X", 192 << 30, true},
}

// ParseFakes reads a description such as "8xH100", "4xA100,2xT4:shared*4" or
// "1xA100:mig-1g.10gb*7": how many of which model, and how each is divided, of the GPUs
// of a node.
func ParseFakes(description, node string) (Fake, error) {
	fake := Fake{node: node}
	for part := range strings.SplitSeq(description, ",") {
		what, division, _ := strings.Cut(strings.TrimSpace(part), ":")
		count, name, found := strings.Cut(what, "x")
		n, err := strconv.Atoi(count)
		if !found || err != nil || n < 1 || strings.TrimSpace(name) == "" {
			return Fake{}, fault.Invalidf("fake-gpus", "%q is not a number of GPUs; want such as 8xH100, 2xT4:shared*4 or 1xA100:mig-1g.10gb*7", part)
		}
		if len(fake.gpus)+n > maxFakes {
			return Fake{}, fault.Invalidf("fake-gpus", "%q is more than the %d GPUs that a node may pretend to have", description, maxFakes)
		}
		gpu := fakeGPU{model: strings.TrimSpace(name)}
		if strings.Contains(part, ":") {
			if err := gpu.divide(division); err != nil {
				return Fake{}, err
			}
		}
		for range n {
			fake.gpus = append(fake.gpus, gpu)
		}
	}
	return fake, nil
}

// maxMIG is how many MIG devices a GPU has at most.
const maxMIG = 7

// divide reads how a GPU is divided: "shared*4", or "mig-3g.40gb*1+mig-1g.10gb*4".
func (g *fakeGPU) divide(text string) error {
	for part := range strings.SplitSeq(strings.ReplaceAll(text, "+mig-", "&mig-"), "&") {
		kind, count, _ := strings.Cut(part, "*")
		n, err := strconv.Atoi(count)
		if err != nil || !g.cut(kind, n) {
			return fault.Invalidf("fake-gpus", "%q does not divide a GPU; want such as shared*4, or mig-1g.10gb*7 with %d MIG devices at most", text, maxMIG)
		}
	}
	return nil
}

// cut divides a GPU into n parts of a kind and reports whether it can be.
func (g *fakeGPU) cut(kind string, n int) bool {
	if kind == "shared" {
		whole := g.share == 0 && len(g.mig) == 0
		g.share = n
		return whole && n > 1 && n <= maxShares
	}
	profile, mig := strings.CutPrefix(kind, "mig-")
	if !mig || profileMemory(profile) == 0 || n < 1 || len(g.mig)+n > maxMIG || g.share > 0 {
		return false
	}
	g.mig = append(g.mig, slices.Repeat([]string{profile}, n)...)
	return true
}

// List implements GPUs. The UUIDs are the same whenever the node is started.
func (f Fake) List(context.Context) ([]*gpuagentv1.Gpu, error) {
	whole := make([]*gpuagentv1.Gpu, len(f.gpus))
	var joined [][2]int
	last := map[string]int{} // position, from 1, of the last of a model that is joined to the others
	for i, gpu := range f.gpus {
		known, ok := models[strings.ToUpper(gpu.model)]
		if !ok {
			known = model{gpu.model, 16 << 30, false}
		}
		whole[i] = &gpuagentv1.Gpu{
			Index: int32(i), Uuid: f.uuid(i), Model: known.name, MemoryBytes: known.memory, Vendor: VendorNvidia,
			NumaNode: new(int32(2 * i / len(f.gpus))), // half of them at each of two sockets
			Usage:    &gpuagentv1.GpuUsage{},          // they do nothing
		}
		if strings.HasPrefix(known.name, "AMD") {
			whole[i].Vendor = VendorAMD
		}
		whole[i].DeviceNodes = f.devices(strconv.Itoa(i))
		if known.linked {
			if before := last[known.name]; before > 0 {
				joined = append(joined, [2]int{before - 1, i})
			}
			last[known.name] = i + 1
		}
	}
	group(whole, joined)
	var units []*gpuagentv1.Gpu
	for i, gpu := range whole {
		units = append(units, f.gpus[i].units(gpu)...)
	}
	for _, gpu := range units {
		if gpu.GetProfile() != "" {
			name := fmt.Sprintf("%d.%d", wholeIndex(gpu.GetIndex()), gpu.GetIndex()%parts)
			gpu.DeviceNodes = append(gpu.GetDeviceNodes(), f.devices(name)...)
		}
	}
	return units, nil
}

// devices are the nodes of a name.
func (f Fake) devices(name string) []*gpuagentv1.DeviceNode {
	if f.Devices == "" {
		return nil
	}
	return present(deviceNode("/", filepath.Join(f.Devices, name), "", 0))
}

func (f Fake) uuid(i int) string { return fmt.Sprintf("GPU-fake-%s-%d", f.node, i) }

// units are what is given out of a GPU.
func (g fakeGPU) units(whole *gpuagentv1.Gpu) []*gpuagentv1.Gpu {
	var units []*gpuagentv1.Gpu
	for k, profile := range g.mig {
		part := migDevice(whole, k+1, fmt.Sprintf("MIG-%s-%d", strings.TrimPrefix(whole.GetUuid(), "GPU-"), k+1), profile, profileMemory(profile))
		part.Instance = new(int32(k + 1))
		units = append(units, part)
	}
	for k := range g.share {
		units = append(units, share(whole, k+1, g.share))
	}
	if len(units) == 0 {
		return []*gpuagentv1.Gpu{whole}
	}
	return units
}

// Driver implements GPUs.
func (Fake) Driver() string { return "--fake-gpus, which are pretended" }

// readEvents is how often it is read what happens to them.
const readEvents = 200 * time.Millisecond

// Watch implements GPUs. What happens is read from lines that are added to the file of
// events, "INDEX XID": "3 79" is the error 79 of the GPU 3.
func (f Fake) Watch(ctx context.Context, tell func(Trouble)) error {
	tick := time.NewTicker(readEvents)
	defer tick.Stop()
	read, err := size(f.Events)
	for err == nil {
		select {
		case <-tick.C:
			read, err = f.readFrom(read, tell)
		case <-ctx.Done():
			return nil
		}
	}
	return err
}

func size(path string) (int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || path == "" {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// readFrom tells what was added to the file of events, and returns how far it has read.
func (f Fake) readFrom(offset int64, tell func(Trouble)) (int64, error) {
	now, err := size(f.Events)
	if err != nil || now <= offset {
		return min(now, offset), err
	}
	file, err := os.Open(f.Events)
	if err != nil {
		return offset, err
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(offset, 0); err != nil {
		return offset, err
	}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var index, xid int32
		if n, err := fmt.Sscan(lines.Text(), &index, &xid); n == 2 && err == nil && index >= 0 && int(index) < len(f.gpus) {
			tell(xidTrouble(f.uuid(int(index)), xid, time.Now()))
		}
	}
	return now, lines.Err()
}
