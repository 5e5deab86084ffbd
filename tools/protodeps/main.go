// Protodeps writes the third-party .proto files that kfmesh's own protos import.
//
// The files are printed from the descriptors inside their Go modules, so that
// code generation needs the Go module proxy and nothing else:
//
//	go run ./protodeps ../third_party
package main

import (
	"fmt"
	"os"
	"path/filepath"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-openapiv2/options"
	"github.com/jhump/protoreflect/v2/protoprint"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// files lists every proto that a file under proto/ may import from elsewhere.
var files = []string{
	"buf/validate/validate.proto",
	"google/api/annotations.proto",
	"google/api/field_behavior.proto",
	"google/api/http.proto",
	"google/rpc/status.proto",
	"protoc-gen-openapiv2/options/annotations.proto",
	"protoc-gen-openapiv2/options/openapiv2.proto",
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: protodeps DIR")
		os.Exit(2)
	}
	for _, name := range files {
		if err := write(os.Args[1], name); err != nil {
			fmt.Fprintf(os.Stderr, "protodeps: %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

func write(dir, name string) error {
	fd, err := protoregistry.GlobalFiles.FindFileByPath(name)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	printer := protoprint.Printer{}
	if err := printer.PrintProtoFile(fd, f); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
