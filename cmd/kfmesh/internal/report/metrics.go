package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/metric"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/tree"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// Metrics prints the metrics that the tasks of a run wrote: scalars, confusion
// matrices, and the area below ROC curves.
func Metrics(term *output.Terminal, b *strings.Builder, tasks []*pipelinev1.Task) error {
	scalars := output.Table{Indent: "  "}
	var matrices strings.Builder
	for _, task := range tasks {
		if !tree.Leaf(task) {
			continue
		}
		for _, artifact := range task.GetOutputArtifacts() {
			found, ok := metric.Of(artifact.GetType(), artifact.GetMetadata())
			if !ok {
				continue
			}
			name := tree.Path(task) + "/" + key(artifact)
			addScalars(&scalars, name, found)
			if err := writeMatrix(term, &matrices, name, found.Confusion); err != nil {
				return err
			}
		}
	}
	if len(scalars.Rows) == 0 && matrices.Len() == 0 {
		return nil
	}
	heading(term, b, "metrics")
	if err := scalars.Write(term, b); err != nil {
		return err
	}
	b.WriteString(matrices.String())
	return nil
}

func addScalars(table *output.Table, name string, found metric.Metrics) {
	for _, scalar := range found.Scalars {
		table.Add(name, scalar.Name, decimal(scalar.Value))
	}
	if found.Curve != nil {
		table.Add(name, "area under ROC curve",
			fmt.Sprintf("%s (%s)", decimal(found.Curve.Area), output.Count(found.Curve.Points, "point")))
	}
}

func writeMatrix(term *output.Terminal, b *strings.Builder, name string, confusion *metric.Confusion) error {
	if confusion == nil {
		return nil
	}
	fmt.Fprintf(b, "  %s   confusion matrix (rows: true class, columns: predicted)\n", output.Clean(name))
	table := output.Table{Headings: append([]string{""}, confusion.Classes...), Indent: "    "}
	for i, class := range confusion.Classes {
		row := []string{class}
		for _, cell := range confusion.Cells[i] {
			row = append(row, decimal(cell))
		}
		table.Add(row...)
	}
	return table.Write(term, b)
}

// decimal is a number with at most five significant digits and no exponent
// where people can do without.
func decimal(value float64) string {
	if value == float64(int64(value)) {
		return strconv.FormatInt(int64(value), 10)
	}
	return strconv.FormatFloat(value, 'g', 5, 64)
}
