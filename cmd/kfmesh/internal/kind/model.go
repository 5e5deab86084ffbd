package kind

import (
	"context"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// Models is the kind of registered models, whose ids are their names.
func Models() *Kind {
	return &Kind{
		Singular: "model", Plural: "models", Short: []string{"m"},
		Whole: true,
		Columns: []Column{
			column("NAME", (*metadatav1.RegisteredModel).GetName),
			column("NEWEST", func(m *metadatav1.RegisteredModel) string { return newestNumber(m.GetLatestVersions()) }),
			column("PRODUCTION", func(m *metadatav1.RegisteredModel) string {
				return versionIn(m, metadatav1.ModelStage_MODEL_STAGE_PRODUCTION)
			}),
			column("STAGING", func(m *metadatav1.RegisteredModel) string {
				return versionIn(m, metadatav1.ModelStage_MODEL_STAGE_STAGING)
			}),
			column("ALIASES", func(m *metadatav1.RegisteredModel) string { return aliasText(m.GetAliases()) }),
			timedColumn("CHANGED", func(m *metadatav1.RegisteredModel, t *output.Terminal) string {
				return output.Age(millis(m.GetLastUpdateTime()), t.Now())
			}),
			column("DESCRIPTION", (*metadatav1.RegisteredModel).GetDescription),
			wide(column("OWNER", (*metadatav1.RegisteredModel).GetOwner)),
			spread(column("NAMESPACE", (*metadatav1.RegisteredModel).GetNamespace)),
		},
		ID:       func(m proto.Message) string { return m.(*metadatav1.RegisteredModel).GetName() },
		Name:     func(m proto.Message) string { return m.(*metadatav1.RegisteredModel).GetName() },
		List:     listModels,
		Get:      getModel,
		Describe: describeModel,
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, _ DeleteOptions) error {
			model := m.(*metadatav1.RegisteredModel)
			_, err := c.Models.DeleteRegisteredModel(ctx, &metadatav1.DeleteRegisteredModelRequest{
				Namespace: model.GetNamespace(), Name: model.GetName(),
			})
			return err
		},
	}
}

func listModels(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
	models, err := client.Collect(q.Limit, func(size int32, token string) ([]*metadatav1.RegisteredModel, string, error) {
		page, err := c.Models.SearchRegisteredModels(ctx, &metadatav1.SearchRegisteredModelsRequest{
			Namespace: q.Namespace, MaxResults: size, PageToken: token, OrderBy: []string{"last_updated_timestamp DESC"},
		})
		return page.GetModels(), page.GetNextPageToken(), err
	})
	return messages(models), err
}

func getModel(ctx context.Context, c *client.Client, namespace, name string) (proto.Message, error) {
	return c.Models.GetRegisteredModel(ctx, &metadatav1.GetRegisteredModelRequest{Namespace: namespace, Name: name})
}

// millis is a time that a service gives in milliseconds since 1970.
func millis(ms int64) *timestamppb.Timestamp {
	return &timestamppb.Timestamp{Seconds: ms / 1000, Nanos: int32(ms % 1000 * 1e6)} //nolint:gosec // less than a second
}

// newestNumber is the highest number of versions; "" for none.
func newestNumber(versions []*metadatav1.ModelVersion) string {
	var highest int64
	for _, v := range versions {
		highest = max(highest, v.GetNumber())
	}
	if highest == 0 {
		return ""
	}
	return strconv.FormatInt(highest, 10)
}

// versionIn is the newest version in a stage; "" for none.
func versionIn(m *metadatav1.RegisteredModel, stage metadatav1.ModelStage) string {
	for _, v := range m.GetLatestVersions() {
		if v.GetStage() == stage {
			return strconv.FormatInt(v.GetNumber(), 10)
		}
	}
	return ""
}

// aliasText is the aliases of a model with their versions.
func aliasText(aliases []*metadatav1.ModelAlias) string {
	texts := make([]string, len(aliases))
	for i, alias := range aliases {
		texts[i] = alias.GetAlias() + "=" + strconv.FormatInt(alias.GetVersion(), 10)
	}
	return strings.Join(texts, ", ")
}

// describeModel prints a model with its newest versions and what they measured.
func describeModel(ctx context.Context, c *client.Client, term *output.Terminal, m proto.Message) error {
	model := m.(*metadatav1.RegisteredModel)
	versions, err := listModelVersions(ctx, c, Query{Namespace: model.GetNamespace(), Model: model.GetName(), Limit: shownRuns})
	if err != nil {
		return err
	}
	s := &sheet{term: term}
	s.fields(
		[2]string{"Model", model.GetName()},
		[2]string{"Id", strconv.FormatInt(model.GetId(), 10)},
		[2]string{"Namespace", model.GetNamespace()},
		[2]string{"Description", model.GetDescription()},
		[2]string{"Owner", model.GetOwner()},
		[2]string{"State", stateWord(model.GetState())},
		[2]string{"License", model.GetCard().GetLicense()},
		[2]string{"Created", output.Moment(millis(model.GetCreationTime()), term.Now())},
		[2]string{"Changed", output.Moment(millis(model.GetLastUpdateTime()), term.Now())},
	)
	s.lines("tags", pairs(propertyTexts(model.GetProperties())))
	table := &output.Table{Headings: []string{"VERSION", "NAME", "STAGE", "ALIASES", "RUN", "METRICS", "AGE"}}
	for _, m := range versions {
		v := m.(*metadatav1.ModelVersion)
		behind, err := provenance(ctx, c, v)
		if err != nil {
			return err
		}
		table.Add(strconv.FormatInt(v.GetNumber(), 10), v.GetName(), StageWord(v.GetStage()), strings.Join(v.GetAliases(), ", "),
			output.ShortID(v.GetRunId()), metricText(behind.GetMetrics()), output.Age(millis(v.GetCreationTime()), term.Now()))
	}
	s.table("newest versions", table)
	return s.print()
}
