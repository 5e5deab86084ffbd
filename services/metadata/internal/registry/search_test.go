package registry_test

import (
	"fmt"
	"strings"
	"testing"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// zoo makes models and versions to search.
func zoo(w world) {
	w.Helper()
	for i, name := range []string{"ant", "Bee", "cat"} {
		must[*metadatav1.RegisteredModel](w)(w.CreateModel(w.Context(), &metadatav1.CreateRegisteredModelRequest{AnyName: true, Model: &metadatav1.RegisteredModel{
			Name: name, Owner: "o" + name, Properties: map[string]*metadatav1.PropertyValue{
				"legs": {Value: &metadatav1.PropertyValue_IntValue{IntValue: int64(6 - 2*(i/2))}}, "it's": text("50%"),
			},
		}}))
	}
	for i := range 5 {
		w.version(&metadatav1.ModelVersion{
			ModelName: []string{"ant", "Bee"}[i%2], Source: fmt.Sprintf("s3://b/%d", i), RunId: fmt.Sprintf("r%d", i),
			Properties: map[string]*metadatav1.PropertyValue{"k": text(fmt.Sprint(i))},
		})
	}
	must[*metadatav1.RegisteredModel](w)(w.CreateModel(w.Context(), &metadatav1.CreateRegisteredModelRequest{Model: &metadatav1.RegisteredModel{
		Name: "prompt", Properties: map[string]*metadatav1.PropertyValue{"mlflow.prompt.is_prompt": text("true")},
	}}))
}

func TestSearchModels(t *testing.T) {
	each(t, func(w world) {
		zoo(w)
		for filter, want := range map[string]string{
			"": "Bee ant cat", "name = 'ant'": "ant", "name LIKE '%a%'": "ant cat", "name LIKE 'b%'": "", "name ILIKE 'b%'": "Bee",
			"name != 'ant'": "Bee cat", "tags.legs = '4'": "cat", "tags.`it's` LIKE '50%' AND tags.legs = '6'": "Bee ant",
			"tags.`mlflow.prompt.is_prompt` = 'true'": "prompt", "tag.`mlflow.prompt.is_prompt` != 'true'": "Bee ant cat", "name = 'x'' OR 1=1 --'": "",
		} {
			got := must[*metadatav1.SearchRegisteredModelsResponse](w)(w.SearchModels(w.Context(), &metadatav1.SearchRegisteredModelsRequest{Filter: filter}))
			if names := modelNames(got.GetModels()); names != want {
				w.Errorf("%s finds %q, want %q", filter, names, want)
			}
		}
		request := &metadatav1.SearchRegisteredModelsRequest{MaxResults: 2, OrderBy: []string{"name DESC"}}
		first := must[*metadatav1.SearchRegisteredModelsResponse](w)(w.SearchModels(w.Context(), request))
		request.PageToken = first.GetNextPageToken()
		second := must[*metadatav1.SearchRegisteredModelsResponse](w)(w.SearchModels(w.Context(), request))
		if got := modelNames(first.GetModels()) + "|" + modelNames(second.GetModels()); got != "cat ant|Bee" || second.GetNextPageToken() != "" {
			w.Errorf("pages are %s, then %q", got, second.GetNextPageToken())
		}
		for _, bad := range []*metadatav1.SearchRegisteredModelsRequest{
			{Filter: "run_id = 'x'"}, {OrderBy: []string{"legs"}}, {MaxResults: 1001}, {PageToken: "!"},
		} {
			if _, err := w.SearchModels(w.Context(), bad); !fault.Is(err, fault.Invalid) {
				w.Errorf("%v: %v", bad, err)
			}
		}
	})
}

func modelNames(models []*metadatav1.RegisteredModel) string {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.GetName()
	}
	return strings.Join(names, " ")
}

func TestSearchVersions(t *testing.T) {
	each(t, func(w world) {
		zoo(w)
		for filter, want := range map[string]string{
			"name = 'ant'": "ant3 ant2 ant1", "version_number >= 2": "Bee2 ant3 ant2", "run_id IN ('r0', 'r1')": "Bee1 ant1", "run_id = 'r4'": "ant3",
			"source_path LIKE '%/3'": "Bee2", "tags.k = '2'": "ant2", "tags.k != '2' AND name = 'ant'": "ant3 ant1",
		} {
			got := must[*metadatav1.SearchModelVersionsResponse](w)(w.SearchVersions(w.Context(), &metadatav1.SearchModelVersionsRequest{
				Filter: filter, OrderBy: []string{"name", "version_number DESC"},
			}))
			if names := versionNames(got.GetVersions()); names != want {
				w.Errorf("%s finds %q, want %q", filter, names, want)
			}
		}
	})
}

func versionNames(versions []*metadatav1.ModelVersion) string {
	names := make([]string, len(versions))
	for i, v := range versions {
		names[i] = fmt.Sprint(v.GetModelName(), v.GetNumber())
	}
	return strings.Join(names, " ")
}

func TestListInKubeflowsGrammar(t *testing.T) {
	each(t, func(w world) {
		zoo(w)
		for filter, want := range map[string]string{
			"": "ant Bee cat prompt", "name='ant' OR name='cat'": "ant cat", "NOT name ILIKE 'b%' AND state = 'LIVE'": "ant cat prompt",
			"customProperties.legs > 4": "ant Bee", "customProperties.legs.int_value IN (4, 5)": "cat", "customProperties.`it's`.string_value = '50%'": "ant Bee cat",
			"owner LIKE 'oa%'": "ant", "id >= 1 AND createTimeSinceEpoch < 5": "", "name = 'x'' OR 1=1 --'": "",
		} {
			got := must[*metadatav1.ListRegisteredModelsResponse](w)(w.ListModels(w.Context(), &metadatav1.ListRegisteredModelsRequest{Options: &metadatav1.ListOptions{FilterQuery: filter}}))
			if names := modelNames(got.GetModels()); names != want {
				w.Errorf("%s finds %q, want %q", filter, names, want)
			}
		}
		for _, filter := range []string{"nope = 1", "id = 'x'", "id LIKE '1'", "name =", "legs = 1"} {
			_, err := w.ListModels(w.Context(), &metadatav1.ListRegisteredModelsRequest{Options: &metadatav1.ListOptions{FilterQuery: filter}})
			w.refused(err, fault.Invalid, "at character")
		}
	})
}

func TestPagesInEveryOrder(t *testing.T) {
	each(t, func(w world) {
		zoo(w)
		for _, order := range []string{"", "ID", "NAME", "CREATE_TIME", "LAST_UPDATE_TIME"} {
			for _, descending := range []bool{false, true} {
				seen := map[string]bool{}
				options := &metadatav1.ListOptions{PageSize: 1, OrderBy: order, Descending: descending}
				for range 4 {
					got := must[*metadatav1.ListRegisteredModelsResponse](w)(w.ListModels(w.Context(), &metadatav1.ListRegisteredModelsRequest{Options: options}))
					seen[modelNames(got.GetModels())] = true
					options.PageToken = got.GetNextPageToken()
				}
				if len(seen) != 4 || options.GetPageToken() != "" {
					w.Errorf("%s %v: pages %v, then %q", order, descending, seen, options.GetPageToken())
				}
			}
		}
		first := must[*metadatav1.ListRegisteredModelsResponse](w)(w.ListModels(w.Context(), &metadatav1.ListRegisteredModelsRequest{Options: &metadatav1.ListOptions{PageSize: 1}}))
		_, err := w.ListModels(w.Context(), &metadatav1.ListRegisteredModelsRequest{Options: &metadatav1.ListOptions{PageToken: first.GetNextPageToken(), OrderBy: "NAME"}})
		w.refused(err, fault.Invalid, "is not a token that this list gave")
	})
}
