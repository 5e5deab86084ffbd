//go:build !cgo || !linux

package detect

import "errors"

// NVML tells whether this program can ask NVIDIA's own library.
const NVML = false

// openNVML opens nothing: NVML is a C library, and this program was built without cgo.
func openNVML(string) (GPUs, error) {
	return nil, errors.New("this program was built without it: make build NVML=1 builds one that has it, with a C compiler")
}
