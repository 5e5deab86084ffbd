// Program image gives a container engine an image to test with: busybox and
// nothing else, from this host. It prints the image's name.
package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/moby/moby/client"
)

// name of the image. Its registry does not exist, so it cannot be pulled.
const name = "kfmesh.test/busybox:1"

func main() {
	os.Exit(status(os.Stdout, os.Stderr))
}

func status(out, errs io.Writer) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := provide(ctx); err != nil {
		_, _ = fmt.Fprintln(errs, err)
		return 1
	}
	_, _ = fmt.Fprintln(out, name)
	return 0
}

// provide sees to it that the engine has the image.
func provide(ctx context.Context) error {
	engine, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	if _, err := engine.Ping(ctx, client.PingOptions{}); err != nil {
		return err
	}
	if _, err := engine.ImageInspect(ctx, name); err == nil {
		return nil
	}
	files, err := rootfs()
	if err != nil {
		return err
	}
	source := client.ImageImportSource{Source: files, SourceName: "-"}
	response, err := engine.ImageImport(ctx, source, name, client.ImageImportOptions{
		Changes: []string{`CMD ["/bin/sh"]`, "ENV PATH=/bin", "ENV COLOR=blue"},
	})
	if err != nil {
		return err
	}
	defer func() { _ = response.Close() }()
	_, err = io.Copy(io.Discard, response)
	return err
}

// rootfs is an archive of busybox with a link for each of its programs.
func rootfs() (io.Reader, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return nil, err
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list, err := exec.Command(path, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("busybox --list: %w", err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	headers := []*tar.Header{
		{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
		{Typeflag: tar.TypeDir, Name: "app/", Mode: 0o755},
		{Typeflag: tar.TypeDir, Name: "bin/", Mode: 0o755}, // engines give other modes to what is not named
		{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755, Size: int64(len(program))},
	}
	for _, applet := range strings.Fields(string(list)) {
		if applet != "busybox" {
			headers = append(headers, &tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox"})
		}
	}
	for _, h := range headers {
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write(program); err != nil {
				return nil, err
			}
		}
	}
	return &archive, w.Close()
}
