package kind

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// ModelVersions is the kind of versions of registered models. Their ids are
// MODEL/NUMBER; a name or an alias stands for the number.
func ModelVersions() *Kind {
	return &Kind{
		Singular: "modelversion", Plural: "modelversions", Short: []string{"mv"},
		Flags: []string{"model"},
		Whole: true,
		Columns: []Column{
			column("VERSION", versionID),
			column("NAME", (*metadatav1.ModelVersion).GetName),
			column("STAGE", func(v *metadatav1.ModelVersion) string { return StageWord(v.GetStage()) }),
			column("ALIASES", func(v *metadatav1.ModelVersion) string { return strings.Join(v.GetAliases(), ", ") }),
			column("RUN", func(v *metadatav1.ModelVersion) string { return v.GetRunId() }),
			timedColumn("AGE", func(v *metadatav1.ModelVersion, t *output.Terminal) string {
				return output.Age(millis(v.GetCreationTime()), t.Now())
			}),
			column("WHERE", (*metadatav1.ModelVersion).GetArtifactUri),
			wide(column("AUTHOR", (*metadatav1.ModelVersion).GetAuthor)),
			wide(column("DESCRIPTION", (*metadatav1.ModelVersion).GetDescription)),
		},
		ID:       func(m proto.Message) string { return versionID(m.(*metadatav1.ModelVersion)) },
		Name:     func(m proto.Message) string { return versionID(m.(*metadatav1.ModelVersion)) },
		List:     listModelVersions,
		Get:      getModelVersion,
		Describe: describeModelVersion,
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, _ DeleteOptions) error {
			v := m.(*metadatav1.ModelVersion)
			_, err := c.Models.DeleteModelVersion(ctx, &metadatav1.DeleteModelVersionRequest{
				Namespace: v.GetNamespace(), Name: v.GetModelName(), Version: strconv.FormatInt(v.GetNumber(), 10),
			})
			return err
		},
	}
}

// versionID is MODEL/NUMBER.
func versionID(v *metadatav1.ModelVersion) string {
	return v.GetModelName() + "/" + strconv.FormatInt(v.GetNumber(), 10)
}

// StageWord is what people call a stage.
func StageWord(stage metadatav1.ModelStage) string {
	word := strings.ToLower(strings.TrimPrefix(stage.String(), "MODEL_STAGE_"))
	return strings.ToUpper(word[:1]) + word[1:]
}

func stateWord(state metadatav1.ModelState) string {
	return strings.TrimPrefix(state.String(), "MODEL_STATE_")
}

func listModelVersions(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
	filter := ""
	if q.Model != "" {
		filter = "name = '" + strings.ReplaceAll(q.Model, "'", "''") + "'"
	}
	versions, err := client.Collect(q.Limit, func(size int32, token string) ([]*metadatav1.ModelVersion, string, error) {
		page, err := c.Models.SearchModelVersions(ctx, &metadatav1.SearchModelVersionsRequest{
			Namespace: q.Namespace, Filter: filter, MaxResults: size, PageToken: token,
			OrderBy: []string{"creation_timestamp DESC", "version_number DESC"},
		})
		return page.GetVersions(), page.GetNextPageToken(), err
	})
	return messages(versions), err
}

func getModelVersion(ctx context.Context, c *client.Client, namespace, id string) (proto.Message, error) {
	at := strings.LastIndex(id, "/")
	if at <= 0 {
		return nil, fault.Invalidf("", "%q is not a version of a model; give MODEL/VERSION, such as iris/3", id)
	}
	return FindVersion(ctx, c, namespace, id[:at], id[at+1:])
}

// FindVersion finds the version of a model that a reference means: its number, its
// name, or an alias.
func FindVersion(ctx context.Context, c *client.Client, namespace, model, ref string) (*metadatav1.ModelVersion, error) {
	requests := []*metadatav1.GetModelVersionRequest{{VersionName: ref}, {Alias: ref}}
	if _, err := strconv.ParseInt(ref, 10, 64); err == nil {
		requests = []*metadatav1.GetModelVersionRequest{{Version: ref}, {VersionName: ref}}
	}
	var first error
	for _, request := range requests {
		request.Namespace, request.ModelName = namespace, model
		v, err := c.Models.GetModelVersion(ctx, request)
		if err == nil {
			return v, nil
		}
		if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
			return nil, err
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// provenance is what is behind a version.
func provenance(ctx context.Context, c *client.Client, v *metadatav1.ModelVersion) (*metadatav1.ModelVersionProvenance, error) {
	return c.Models.GetModelVersionProvenance(ctx, &metadatav1.GetModelVersionProvenanceRequest{
		Namespace: v.GetNamespace(), ModelName: v.GetModelName(), Version: strconv.FormatInt(v.GetNumber(), 10),
	})
}

// metricText is metrics in one line.
func metricText(metrics []*metadatav1.Metric) string {
	texts := make([]string, len(metrics))
	for i, m := range metrics {
		texts[i] = fmt.Sprintf("%s=%.4g", m.GetKey(), m.GetValue())
	}
	return strings.Join(texts, ", ")
}

// propertyTexts are properties as texts.
func propertyTexts(properties map[string]*metadatav1.PropertyValue) map[string]string {
	texts := make(map[string]string, len(properties))
	for key, p := range properties {
		switch v := p.GetValue().(type) {
		case *metadatav1.PropertyValue_StringValue:
			texts[key] = v.StringValue
		case *metadatav1.PropertyValue_IntValue:
			texts[key] = strconv.FormatInt(v.IntValue, 10)
		case *metadatav1.PropertyValue_DoubleValue:
			texts[key] = strconv.FormatFloat(v.DoubleValue, 'g', -1, 64)
		case *metadatav1.PropertyValue_BoolValue:
			texts[key] = strconv.FormatBool(v.BoolValue)
		case *metadatav1.PropertyValue_StructValue:
			texts[key] = v.StructValue
		case *metadatav1.PropertyValue_ProtoValue_:
			texts[key] = v.ProtoValue.GetType()
		}
	}
	return texts
}

// describeModelVersion prints a version with the run, the data and the metrics
// behind it.
func describeModelVersion(ctx context.Context, c *client.Client, term *output.Terminal, m proto.Message) error {
	v := m.(*metadatav1.ModelVersion)
	behind, err := provenance(ctx, c, v)
	if err != nil {
		return err
	}
	lineage := ""
	if id := behind.GetLineageArtifactId(); id != 0 {
		lineage = strconv.FormatInt(id, 10)
	}
	s := &sheet{term: term}
	s.fields(
		[2]string{"Model", v.GetModelName()},
		[2]string{"Version", strconv.FormatInt(v.GetNumber(), 10)},
		[2]string{"Name", v.GetName()},
		[2]string{"Stage", StageWord(v.GetStage())},
		[2]string{"State", stateWord(v.GetState())},
		[2]string{"Aliases", strings.Join(v.GetAliases(), ", ")},
		[2]string{"Description", v.GetDescription()},
		[2]string{"Author", v.GetAuthor()},
		[2]string{"Registered from", v.GetSource()},
		[2]string{"Where", v.GetArtifactUri()},
		[2]string{"Run", runText(behind.GetRun(), v.GetRunId())},
		[2]string{"Logged model", v.GetLoggedModelId()},
		[2]string{"Lineage artifact", lineage},
		[2]string{"Created", output.Moment(millis(v.GetCreationTime()), term.Now())},
	)
	s.lines("tags", pairs(propertyTexts(v.GetProperties())))
	metrics := &output.Table{Headings: []string{"METRIC", "VALUE", "STEP", "DATASET"}}
	for _, m := range behind.GetMetrics() {
		metrics.Add(m.GetKey(), strconv.FormatFloat(m.GetValue(), 'g', -1, 64), strconv.FormatInt(m.GetStep(), 10), m.GetDatasetName())
	}
	s.table("metrics", metrics)
	parameters := &output.Table{Headings: []string{"PARAMETER", "VALUE"}}
	for _, p := range behind.GetRun().GetParams() {
		parameters.Add(p.GetKey(), p.GetValue())
	}
	s.table("parameters of the run", parameters)
	datasets := &output.Table{Headings: []string{"DATASET", "DIGEST", "CONTEXT", "WHERE"}}
	for _, d := range behind.GetDatasets() {
		datasets.Add(d.GetDataset().GetName(), d.GetDataset().GetDigest(), contextOf(d), d.GetDataset().GetSource())
	}
	s.table("data that the run read", datasets)
	return s.print()
}

// runText names a run.
func runText(run *metadatav1.TrackingRun, id string) string {
	if name := run.GetInfo().GetRunName(); name != "" {
		return id + " (" + name + ")"
	}
	return id
}

// contextOf is what a dataset was read for.
func contextOf(d *metadatav1.DatasetInput) string {
	for _, tag := range d.GetTags() {
		if tag.GetKey() == "mlflow.data.context" {
			return tag.GetValue()
		}
	}
	return ""
}
