package tilt

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// How long a resource may take to get ready, its build not counted, and to stop.
const (
	readyTime = 60 * time.Second
	stopTime  = 20 * time.Second
	tryEvery  = 20 * time.Millisecond
)

// noop is a pipeline of one step that does nothing.
const noop = `{
  "schemaVersion": "2.1.0", "sdkVersion": "kfp-2.17.0",
  "pipelineInfo": {"name": "noop"},
  "components": {"comp-noop": {"executorLabel": "exec-noop"}},
  "deploymentSpec": {"executors": {"exec-noop": {"container": {"image": "alpine", "command": ["true"]}}}},
  "root": {"dag": {"tasks": {"noop": {"componentRef": {"name": "comp-noop"}, "taskInfo": {"name": "noop"}}}}}
}`

// TestTiltUp starts what `tilt up` would start, in the same order, runs a
// pipeline through the gateway, and stops it all.
func TestTiltUp(t *testing.T) {
	if testing.Short() {
		t.Skip("starts every service")
	}
	inRepository(t)
	resources, err := Evaluate("Tiltfile", map[string]string{
		"data-dir": t.TempDir(), "port-offset": strconv.Itoa(freeOffset(t)),
	})
	if err != nil {
		t.Fatal(err)
	}
	var gateway string
	for _, r := range resources {
		start(t, r)
		if r.Name == "gateway" {
			gateway = strings.TrimSuffix(r.Ready.URL, "/readyz")
		}
	}
	id := createRun(t, gateway)
	until(t, "the run to succeed", func() error {
		var listed struct {
			Runs []struct {
				RunID string `json:"run_id"`
				State string `json:"state"`
			} `json:"runs"`
		}
		if err := call(t.Context(), http.MethodGet, gateway+"/apis/v2beta1/runs", nil, &listed); err != nil {
			return err
		}
		if len(listed.Runs) != 1 || listed.Runs[0].RunID != id || listed.Runs[0].State != "SUCCEEDED" {
			return fmt.Errorf("the gateway lists %+v", listed.Runs)
		}
		return nil
	})
}

func createRun(t *testing.T, gateway string) string {
	t.Helper()
	var created struct {
		RunID string `json:"run_id"`
	}
	body := []byte(`{"display_name": "through tilt", "pipeline_spec": ` + noop + `}`)
	if err := call(t.Context(), http.MethodPost, gateway+"/apis/v2beta1/runs", body, &created); err != nil {
		t.Fatal(err)
	}
	return created.RunID
}

// call sends a request and reads the JSON answer.
func call(ctx context.Context, method, url string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, url, response.Status, text)
	}
	return json.Unmarshal(text, answer)
}

// start builds a resource, starts it, waits until it is ready, and has it
// stopped when the test ends: the last first.
func start(t *testing.T, r Resource) {
	t.Helper()
	if len(r.Cmd) > 0 {
		build := command(r.Cmd, nil)
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %v\n%s", r.Name, r.Cmd, err, output)
		}
	}
	log, err := os.Create(filepath.Join(t.TempDir(), r.Name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	serve := command(r.ServeCmd, r.ServeEnv)
	serve.Stdout, serve.Stderr = log, log
	if err := serve.Start(); err != nil {
		t.Fatalf("%s: %v: %v", r.Name, r.ServeCmd, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve.Wait() }()
	t.Cleanup(func() {
		stop(t, r, serve, ended)
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("log of %s:\n%s", r.Name, text)
		}
	})
	until(t, r.Name+" to be ready", func() error {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("it ended: %w", err)
		default:
			return r.Ready.Try(t.Context())
		}
	})
}

// command runs in a process group of its own, as Tilt has it, so that what
// `go run` starts can be stopped with it. Steps are processes: a container engine of the
// machine may have no registry to pull their images from.
func command(words []string, env map[string]string) *exec.Cmd {
	c := exec.Command(words[0], words[1:]...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "MAKE") && !strings.HasPrefix(entry, "KFMESH_") {
			c.Env = append(c.Env, entry)
		}
	}
	c.Env = append(c.Env, "KFMESH_RUNTIME=process")
	for name, value := range env {
		c.Env = append(c.Env, name+"="+value)
	}
	return c
}

// stop ends a process group. A service must go in good order; `go run` answers
// with a status of its own.
func stop(t *testing.T, r Resource, serve *exec.Cmd, ended chan error) {
	t.Helper()
	if err := syscall.Kill(-serve.Process.Pid, syscall.SIGTERM); err != nil {
		t.Errorf("%s: %v", r.Name, err)
	}
	select {
	case err := <-ended:
		if err != nil && r.ServeCmd[0] != "go" {
			t.Errorf("%s did not stop in good order: %v", r.Name, err)
		}
	case <-time.After(stopTime):
		t.Errorf("%s did not stop within %s", r.Name, stopTime)
		_ = syscall.Kill(-serve.Process.Pid, syscall.SIGKILL)
		t.Logf("%s was killed: %v", r.Name, <-ended)
	}
}

// until tries until there is no error any more.
func until(t *testing.T, what string, try func() error) {
	t.Helper()
	ticker := time.NewTicker(tryEvery)
	defer ticker.Stop()
	deadline := time.After(readyTime)
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited %s for %s: %v", readyTime, what, err)
		}
	}
}

// freeOffset is a number to add to the Tiltfile's ports so that all are free.
func freeOffset(t *testing.T) int {
	t.Helper()
	for offset := 10000 + os.Getpid()%20000; offset < 50000; offset += 97 {
		if allFree(offset, 2379, 2380, 4222, 8222, 9101, 9102, 9105, 9107, 9110, 8080, 9090) {
			return offset
		}
	}
	t.Fatal("no free ports")
	return 0
}

func allFree(offset int, ports ...int) bool {
	for _, port := range ports {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+offset))
		if err != nil {
			return false
		}
		if err := listener.Close(); err != nil {
			return false
		}
	}
	return true
}
