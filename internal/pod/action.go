package pod

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// errTime is the error of what has taken too long.
var errTime = errors.New("it took too long")

// do does it on behalf of a container, within a time; 0 means any.
func (a *Action) do(of Container, within time.Duration) error {
	switch {
	case len(a.Exec) > 0:
		return a.exec(of, within)
	case a.HTTP != nil:
		return a.HTTP.do(within)
	case a.TCP != "":
		conn, err := dial(a.TCP, within)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	<-time.After(a.Sleep)
	return nil
}

// exec runs a command.
func (a *Action) exec(of Container, within time.Duration) error {
	child, _, why := launch(of, a.Exec)
	if child == nil {
		return errors.New(why)
	}
	ended := make(chan int, 1)
	go func() { ended <- await(child) }()
	var late <-chan time.Time
	if within > 0 {
		late = time.After(within)
	}
	select {
	case code := <-ended:
		if code != 0 {
			return fmt.Errorf("%s: exit status %d", strings.Join(a.Exec, " "), code)
		}
		return nil
	case <-late:
		_ = syscall.Kill(-child.Pid, syscall.SIGKILL)
		<-ended
		return fmt.Errorf("%s: %w", strings.Join(a.Exec, " "), errTime)
	}
}

// encrypted is the address of an action that this program has no means for; empty of another.
func (a *Action) encrypted() string {
	switch {
	case a.GRPC != nil:
		return a.GRPC.Address
	case a.HTTP != nil && a.HTTP.TLS:
		return a.HTTP.Address
	}
	return ""
}

// mostSaid is the most that is read of what a prober says.
const mostSaid = 1 << 10

// ask has a prober do it, which says on its standard output what went wrong.
func (a *Action) ask(prober []string, within time.Duration) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	said, says, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = said.Close() }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		_ = says.Close()
		return err
	}
	child, err := os.StartProcess(prober[0], append(slices.Clone(prober), string(data)), &os.ProcAttr{
		Env: os.Environ(), Files: []*os.File{null, says, null}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	_, _ = null.Close(), says.Close()
	if err != nil {
		return err
	}
	late := time.AfterFunc(orDefault(within), func() { _ = child.Kill() })
	text, _ := io.ReadAll(io.LimitReader(said, mostSaid))
	code := await(child)
	if !late.Stop() {
		return errTime
	}
	if code != 0 {
		return errors.New(strings.TrimSpace(string(text)))
	}
	return nil
}

func orDefault(within time.Duration) time.Duration {
	if within <= 0 {
		return dialFor
	}
	return within
}

// mostLine is the longest status line that is read.
const mostLine = 8 << 10

// do asks, and reads as far as the status.
func (g *Get) do(within time.Duration) error {
	conn, err := dial(g.Address, within)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if within > 0 {
		_ = conn.SetDeadline(time.Now().Add(within)) // of a socket that can
	}
	if _, err = io.WriteString(conn, g.request()); err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(conn, mostLine)).ReadString('\n')
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errTime
	}
	if err != nil {
		return fmt.Errorf("GET %s: %w", g.Path, err)
	}
	return g.judge(line)
}

// request is the request as it goes over the wire.
func (g *Get) request() string {
	var b strings.Builder
	path := g.Path
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nConnection: close\r\nUser-Agent: kfmesh-probe\r\n", path)
	if g.Headers["Host"] == "" {
		fmt.Fprintf(&b, "Host: %s\r\n", g.Address)
	}
	for _, name := range slices.Sorted(maps.Keys(g.Headers)) {
		fmt.Fprintf(&b, "%s: %s\r\n", name, g.Headers[name])
	}
	return b.String() + "\r\n"
}

// judge reads a status line: 200 to 399 is success.
func (g *Get) judge(line string) error {
	var version string
	var code int
	if _, err := fmt.Sscanf(line, "HTTP/%s %d", &version, &code); err != nil {
		return fmt.Errorf("GET %s: the answer is no HTTP: %.100q", g.Path, line)
	}
	if code < 200 || code > 399 {
		return fmt.Errorf("GET %s: status %d", g.Path, code)
	}
	return nil
}
