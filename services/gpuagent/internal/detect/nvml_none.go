//go:build !cgo || !linux

package detect

import "errors"

// openNVML opens nothing: NVML is a C library, and this program was built without cgo.
func openNVML(string) (GPUs, error) {
	return nil, errors.New("this program was built without cgo, and looks for GPUs with nvidia-smi")
}
