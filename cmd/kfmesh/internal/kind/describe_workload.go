package kind

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// longestCommand is how much of a command line a description shows.
const longestCommand = 200

// describeWorkload prints a workload: what it runs and how each replica fares.
func describeWorkload(_ context.Context, _ *client.Client, term *output.Terminal, m proto.Message) error {
	workload := m.(*gpuagentv1.Workload)
	meta, spec, status := workload.GetMetadata(), workload.GetSpec(), workload.GetStatus()
	s := &sheet{term: term}
	s.fields(
		[2]string{"Workload", meta.GetName()},
		[2]string{"Namespace", meta.GetNamespace()},
		[2]string{"Phase", Phase(status.GetPhase())},
		[2]string{"Reason", status.GetReason()},
		[2]string{"Message", status.GetMessage()},
		[2]string{"Queue", spec.GetQueue()},
		[2]string{"Attempt", fmt.Sprint(status.GetEpoch())},
		[2]string{"Created", output.Moment(meta.GetCreateTime(), term.Now())},
		[2]string{"Started", output.Moment(status.GetStartTime(), term.Now())},
		[2]string{"Finished", output.Moment(status.GetFinishTime(), term.Now())},
		[2]string{"Duration", output.Elapsed(status.GetStartTime(), status.GetFinishTime(), term.Now())},
	)
	s.lines("labels", pairs(meta.GetLabels()))
	for _, group := range spec.GetGroups() {
		s.lines(fmt.Sprintf("group %s of %d", group.GetName(), max(group.GetCount(), 1)), template(group.GetTemplate()))
	}
	s.table("replicas", replicaTable(term, workload))
	s.lines("warnings", cleaned(status.GetWarnings()))
	for _, replica := range status.GetReplicas() {
		if tail := strings.TrimRight(replica.GetLogTail(), "\n"); tail != "" {
			s.lines("end of the log of "+replicaName(replica), cleaned(strings.Split(tail, "\n")))
		}
	}
	return s.print()
}

func template(t *gpuagentv1.Template) []string {
	var lines []string
	if t.GetImage() != "" {
		lines = append(lines, output.Clean("image    "+t.GetImage()))
	}
	if words := append(slices.Clone(t.GetCommand()), t.GetArgs()...); len(words) > 0 {
		lines = append(lines, "command  "+output.Clip(output.Clean(strings.Join(words, " ")), longestCommand))
	}
	need := t.GetResources()
	var needs []string
	if need.GetCpuMilli() > 0 {
		needs = append(needs, cores(need.GetCpuMilli())+" CPU")
	}
	if need.GetMemoryBytes() > 0 {
		needs = append(needs, output.Bytes(need.GetMemoryBytes()))
	}
	if need.GetGpus() > 0 {
		needs = append(needs, strings.TrimSpace(output.Count(int(need.GetGpus()), "GPU")+" "+need.GetGpuModel()))
	}
	if len(needs) > 0 {
		lines = append(lines, "needs    "+strings.Join(needs, ", "))
	}
	return append(lines, mounts(t)...)
}

// mounts says what a replica sees where.
func mounts(t *gpuagentv1.Template) []string {
	var lines []string
	for _, m := range t.GetMounts() {
		line := "mounts   " + m.GetPath() + " from " + source(t, m.GetVolume())
		if m.GetSubPath() != "" {
			line += ", " + m.GetSubPath() + " in it"
		}
		if m.GetReadOnly() {
			line += ", read-only"
		}
		lines = append(lines, output.Clean(line))
	}
	return lines
}

// source names what a volume of a template is made from.
func source(t *gpuagentv1.Template, name string) string {
	for _, v := range t.GetVolumes() {
		switch {
		case v.GetName() != name:
		case v.GetSecret() != nil:
			return "secret " + v.GetSecret().GetName()
		case v.GetConfigMap() != nil:
			return "config map " + v.GetConfigMap().GetName()
		case v.GetClaim() != "":
			return "volume " + v.GetClaim()
		}
	}
	return "an empty directory"
}

// replicaTable shows how each replica fares. GPUs and restarts have columns where there are any.
func replicaTable(term *output.Terminal, w *gpuagentv1.Workload) *output.Table {
	asked := map[string]bool{} // the groups whose replicas are asked whether they are ready
	for _, g := range w.GetSpec().GetGroups() {
		asked[g.GetName()] = g.GetTemplate().GetReadinessProbe() != nil
	}
	columns := []replicaColumn{
		{heading: "REPLICA", cell: replicaName},
		{heading: "PHASE"},
		{heading: "EXIT", cell: exitStatus},
		{heading: "RESTARTS", optional: true, cell: func(r *gpuagentv1.ReplicaStatus) string { return dash(int64(r.GetRestarts())) }},
		{heading: "NODE", cell: (*gpuagentv1.ReplicaStatus).GetNode},
		{heading: "GPUS", optional: true, cell: gpusOf},
		{heading: "RUNTIME", cell: (*gpuagentv1.ReplicaStatus).GetRuntime},
		{heading: "PID", cell: func(r *gpuagentv1.ReplicaStatus) string { return dash(r.GetPid()) }},
		{heading: "PORTS", cell: func(r *gpuagentv1.ReplicaStatus) string { return ports(r.GetPorts()) }},
		{heading: "DURATION", cell: func(r *gpuagentv1.ReplicaStatus) string {
			return output.Elapsed(r.GetStartTime(), r.GetFinishTime(), term.Now())
		}},
		{heading: "MESSAGE", cell: (*gpuagentv1.ReplicaStatus).GetMessage},
	}
	replicas := w.GetStatus().GetReplicas()
	columns = slices.DeleteFunc(columns, func(c replicaColumn) bool {
		return c.optional && !slices.ContainsFunc(replicas, func(r *gpuagentv1.ReplicaStatus) bool { return c.cell(r) != "-" })
	})
	table := &output.Table{Uncut: true}
	for _, c := range columns {
		table.Headings = append(table.Headings, c.heading)
	}
	for _, r := range replicas {
		var row []output.Cell
		for _, c := range columns {
			switch c.heading {
			case "PHASE":
				row = append(row, phaseCell(r, asked[r.GetGroup()]))
			case "MESSAGE":
				row = append(row, output.Cell{Text: c.cell(r)})
			default:
				row = append(row, output.Cell{Text: cmp.Or(c.cell(r), "-")})
			}
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

// replicaColumn is a column of the table of replicas; an optional one is left out where no
// replica has anything in it.
type replicaColumn struct {
	heading  string
	optional bool
	cell     func(*gpuagentv1.ReplicaStatus) string
}

func phaseCell(r *gpuagentv1.ReplicaStatus, asked bool) output.Cell {
	phase, shown := Phase(r.GetPhase()), Phase(r.GetPhase())
	if r.GetPhase() == gpuagentv1.Phase_PHASE_RUNNING && asked && !r.GetReady() {
		shown += " (not ready)"
	}
	return output.Cell{Text: shown, Style: output.StateStyle(phase)}
}

func exitStatus(r *gpuagentv1.ReplicaStatus) string {
	if !output.IsSet(r.GetFinishTime()) {
		return "-"
	}
	return fmt.Sprint(r.GetExitCode())
}

// gpusOf are the numbers of a replica's GPUs on its node: "0-3,6".
func gpusOf(r *gpuagentv1.ReplicaStatus) string {
	var runs []string
	gpus := slices.Sorted(slices.Values(r.GetGpus()))
	for from := 0; from < len(gpus); {
		to := from
		for to+1 < len(gpus) && gpus[to+1] == gpus[to]+1 {
			to++
		}
		switch run := fmt.Sprint(gpus[from]); {
		case to > from:
			runs = append(runs, fmt.Sprintf("%s-%d", run, gpus[to]))
		default:
			runs = append(runs, run)
		}
		from = to + 1
	}
	if len(runs) == 0 {
		return "-"
	}
	return strings.Join(runs, ",")
}

// replicaName names a replica as commands take it, such as worker-1.
func replicaName(r *gpuagentv1.ReplicaStatus) string {
	return fmt.Sprintf("%s-%d", r.GetGroup(), r.GetIndex())
}

func ports(byName map[string]int32) string {
	list := make([]string, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		list = append(list, fmt.Sprintf("%s=%d", name, byName[name]))
	}
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ",")
}

func dash(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func cleaned(lines []string) []string {
	clean := make([]string, len(lines))
	for i, line := range lines {
		clean[i] = output.Clean(line)
	}
	return clean
}
