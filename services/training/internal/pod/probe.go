package pod

import (
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/decode"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// Probe is what a container is asked again and again.
type Probe struct {
	Handler
	InitialDelay *int32 `json:"initialDelaySeconds"`
	Period       *int32 `json:"periodSeconds"`
	Timeout      *int32 `json:"timeoutSeconds"`
	Failures     *int32 `json:"failureThreshold"`
	Successes    *int32 `json:"successThreshold"`
	Grace        *int64 `json:"terminationGracePeriodSeconds"`
}

// Handler is one thing to do. Exactly one of its fields is set.
type Handler struct {
	Exec  *Exec  `json:"exec"`
	HTTP  *HTTP  `json:"httpGet"`
	TCP   *TCP   `json:"tcpSocket"`
	Sleep *Sleep `json:"sleep"`
	GRPC  *GRPC  `json:"grpc"`
}

// Exec is a command in the container.
type Exec struct {
	Command []string `json:"command"`
}

// HTTP is a GET request.
type HTTP struct {
	Host     string        `json:"host"`
	Port     decode.Scalar `json:"port" needed:"yes"`
	Path     string        `json:"path"`
	Scheme   string        `json:"scheme"`
	Headers  []Header      `json:"httpHeaders"`
	Protocol string        `json:"protocol" honoured:"no"` // of HTTP
}

// Header is one of a request's.
type Header struct {
	Name  string `json:"name" needed:"yes"`
	Value string `json:"value" needed:"yes"`
}

// TCP is a connection.
type TCP struct {
	Host string        `json:"host"`
	Port decode.Scalar `json:"port" needed:"yes"`
}

// Sleep is time that passes.
type Sleep struct {
	Seconds int64 `json:"seconds" needed:"yes"`
}

// Lifecycle is what is done around a container's life.
type Lifecycle struct {
	PostStart  *Handler `json:"postStart"`
	PreStop    *Handler `json:"preStop"`
	StopSignal string   `json:"stopSignal" honoured:"no"`
}

// probe reads a probe; nil when there is none, or none that can be asked here.
func (b *builder) probe(path string, p *Probe, c *Container) *gpuagentv1.Probe {
	if p == nil {
		return nil
	}
	for _, count := range []struct {
		name  string
		value *int32
		least int32
	}{
		{"initialDelaySeconds", p.InitialDelay, 0},
		{"periodSeconds", p.Period, 0},
		{"timeoutSeconds", p.Timeout, 0},
		{"failureThreshold", p.Failures, 0},
		{"successThreshold", p.Successes, 0},
	} {
		if count.value != nil && *count.value < count.least {
			b.problems.Invalid(path+"."+count.name, *count.value, "must be greater than or equal to 0")
		}
	}
	if p.Grace != nil && *p.Grace <= 0 {
		b.problems.Invalid(path+".terminationGracePeriodSeconds", *p.Grace, "must be greater than 0")
	}
	handler := b.handler(path, &p.Handler, c)
	if handler == nil {
		return nil
	}
	out := &gpuagentv1.Probe{Handler: handler, InitialDelay: seconds(p.InitialDelay), Period: seconds(p.Period), Timeout: seconds(p.Timeout)}
	if p.Grace != nil {
		out.GracePeriod = durationpb.New(time.Duration(max(*p.Grace, 0)) * time.Second)
	}
	if p.Successes != nil {
		out.SuccessThreshold = max(*p.Successes, 0)
	}
	if p.Failures != nil {
		out.FailureThreshold = max(*p.Failures, 0)
	}
	return out
}

// kubernetesPeriod is that of a probe that says none.
const kubernetesPeriod = 10 * time.Second

// readiness reads a readiness probe, which has been checked.
func (b *builder) readiness(path string, p *Probe, c *Container) *gpuagentv1.Probe {
	out := b.probe(path, p, c)
	if out != nil && out.GetPeriod() == nil {
		out.Period = durationpb.New(kubernetesPeriod)
	}
	return out
}

// once requires that one success is enough for a probe, as it is for all but readiness.
func (b *builder) once(path string, p *Probe) {
	if p != nil && p.Successes != nil && *p.Successes > 1 {
		b.problems.Invalid(path+".successThreshold", *p.Successes, "must be 1")
	}
}

func seconds(n *int32) *durationpb.Duration {
	if n == nil || *n <= 0 {
		return nil
	}
	return durationpb.New(time.Duration(*n) * time.Second)
}

// lifecycle reads the hooks of a container.
func (b *builder) lifecycle(path string, l *Lifecycle, c *Container) *gpuagentv1.Lifecycle {
	if l == nil {
		return nil
	}
	out := &gpuagentv1.Lifecycle{}
	if l.PostStart != nil {
		out.PostStart = b.handler(path+".postStart", l.PostStart, c)
	}
	if l.PreStop != nil {
		out.PreStop = b.handler(path+".preStop", l.PreStop, c)
	}
	return out
}

// defaultGrace is how long a pod has to end, in seconds, when it does not say.
const defaultGrace = 30

func (s *Spec) grace() int64 {
	if s.GracePeriod == nil {
		return defaultGrace
	}
	return *s.GracePeriod
}

// handler reads one thing to do; nil when it cannot be done here, or says nothing.
func (b *builder) handler(path string, h *Handler, c *Container) *gpuagentv1.Handler {
	given := 0
	for _, is := range []bool{h.Exec != nil, h.HTTP != nil, h.TCP != nil, h.Sleep != nil, h.GRPC != nil} {
		if is {
			given++
		}
	}
	switch {
	case given == 0:
		b.problems.Required(path, "must specify a handler type")
		return nil
	case given > 1:
		b.problems.Forbidden(path, "may not specify more than 1 handler type")
		return nil
	}
	switch {
	case h.Exec != nil:
		if len(h.Exec.Command) == 0 {
			b.problems.Required(path+".exec.command", "")
			return nil
		}
		return &gpuagentv1.Handler{Action: &gpuagentv1.Handler_Exec{Exec: &gpuagentv1.Exec{Command: h.Exec.Command}}}
	case h.HTTP != nil:
		return b.httpGet(path+".httpGet", h.HTTP, c)
	case h.TCP != nil:
		return &gpuagentv1.Handler{Action: &gpuagentv1.Handler_Tcp{Tcp: &gpuagentv1.Tcp{
			Host: h.TCP.Host, Port: b.port(path+".tcpSocket.port", h.TCP.Port, c),
		}}}
	case h.Sleep != nil:
		if grace := b.spec.grace(); h.Sleep.Seconds < 0 || h.Sleep.Seconds > grace {
			b.problems.Invalid(path+".sleep", h.Sleep.Seconds, fmt.Sprintf("must be non-negative and less than terminationGracePeriodSeconds (%d)", grace))
		}
		return &gpuagentv1.Handler{Action: &gpuagentv1.Handler_Sleep{Sleep: durationpb.New(time.Duration(max(h.Sleep.Seconds, 0)) * time.Second)}}
	}
	b.number(path+".grpc.port", h.GRPC.Port)
	service := ""
	if h.GRPC.Service != nil {
		service = *h.GRPC.Service
	}
	return &gpuagentv1.Handler{Action: &gpuagentv1.Handler_Grpc{Grpc: &gpuagentv1.Grpc{Port: listed(h.GRPC.Port, c), Service: service}}}
}

func (b *builder) httpGet(path string, h *HTTP, c *Container) *gpuagentv1.Handler {
	out := &gpuagentv1.HttpGet{Host: h.Host, Port: b.port(path+".port", h.Port, c), Path: h.Path}
	switch h.Scheme {
	case "", "HTTP":
	case "HTTPS":
		out.Tls = true
	default:
		b.problems.NotSupported(path+".scheme", h.Scheme, "HTTP", "HTTPS")
	}
	for _, header := range h.Headers {
		for _, wrong := range field.Header(header.Name) {
			b.problems.Invalid(path+".httpHeaders", header.Name, wrong)
		}
		if out.Headers == nil {
			out.Headers = map[string]string{}
		}
		out.Headers[header.Name] = header.Value
	}
	return &gpuagentv1.Handler{Action: &gpuagentv1.Handler_HttpGet{HttpGet: out}}
}

// listed is the name of a port that the container lists with a number, or else the number.
func listed(port int32, c *Container) string {
	for i, p := range c.Ports {
		if port == p.ContainerPort {
			return PortName(i, p)
		}
	}
	return strconv.Itoa(int(port))
}

// port is a port of a probe as a workload takes it: the name of one that the container
// lists, by name or number, or else the number.
func (b *builder) port(path string, port decode.Scalar, c *Container) string {
	for i, p := range c.Ports {
		if string(port) == p.Name && p.Name != "" || string(port) == strconv.Itoa(int(p.ContainerPort)) {
			return PortName(i, p)
		}
	}
	n, err := strconv.ParseUint(string(port), 10, 16)
	if err != nil || n == 0 {
		b.problems.Invalid(path, string(port), "must be between 1 and 65535, inclusive, or the name of a port of the container")
	}
	return string(port)
}
