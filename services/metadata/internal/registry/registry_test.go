package registry_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/registry"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// world is a registry under test.
type world struct {
	*testing.T
	*registry.Registry
	db *sqlstore.DB
}

// each runs a test on every engine.
func each(t *testing.T, test func(w world)) {
	t.Helper()
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) { test(world{T: t, Registry: registry.New(db), db: db}) })
}

// must is for calls that have to succeed.
func must[T any](w world) func(T, error) T {
	return func(value T, err error) T {
		w.Helper()
		if err != nil {
			w.Fatal(err)
		}
		return value
	}
}

// refused expects a fault with a text.
func (w world) refused(err error, kind fault.Kind, text string) {
	w.Helper()
	if !fault.Is(err, kind) || !strings.Contains(err.Error(), text) {
		w.Errorf("got %v; want %s with %q", err, kind, text)
	}
}

func (w world) model(name string) *metadatav1.RegisteredModel {
	w.Helper()
	return must[*metadatav1.RegisteredModel](w)(w.CreateModel(w.Context(), &metadatav1.CreateRegisteredModelRequest{
		Model: &metadatav1.RegisteredModel{Name: name},
	}))
}

func (w world) version(v *metadatav1.ModelVersion) *metadatav1.ModelVersion {
	w.Helper()
	return must[*metadatav1.ModelVersion](w)(w.CreateVersion(w.Context(), &metadatav1.CreateModelVersionRequest{Version: v}))
}

func (w world) exec(statement string, values ...any) {
	w.Helper()
	err := w.db.Write(w.Context(), func(tx *sqlstore.Tx) error {
		_, err := tx.Exec(w.Context(), sqlstore.Q(statement, values...))
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}

func text(s string) *metadatav1.PropertyValue {
	return &metadatav1.PropertyValue{Value: &metadatav1.PropertyValue_StringValue{StringValue: s}}
}

func TestModelsLive(t *testing.T) {
	each(t, func(w world) {
		created := must[*metadatav1.RegisteredModel](w)(w.CreateModel(w.Context(), &metadatav1.CreateRegisteredModelRequest{
			Model: &metadatav1.RegisteredModel{
				Name: "iris", Description: "d", Owner: "ada", ExternalId: "x1", Card: &metadatav1.ModelCard{License: "mit", Languages: []string{"en"}},
				Properties: map[string]*metadatav1.PropertyValue{
					"team": text("vision"), "n": {Value: &metadatav1.PropertyValue_IntValue{IntValue: 1 << 60}},
					"r": {Value: &metadatav1.PropertyValue_DoubleValue{DoubleValue: 0.1}}, "b": {Value: &metadatav1.PropertyValue_BoolValue{BoolValue: true}},
					"s": {Value: &metadatav1.PropertyValue_StructValue{StructValue: "e30="}},
					"p": {Value: &metadatav1.PropertyValue_ProtoValue_{ProtoValue: &metadatav1.PropertyValue_ProtoValue{Type: "t", Value: "dg=="}}},
				},
			},
		}))
		if created.GetState() != metadatav1.ModelState_MODEL_STATE_LIVE || created.GetNamespace() != "default" || created.GetCreationTime() == 0 {
			w.Errorf("created %v", created)
		}
		for _, by := range []*metadatav1.GetRegisteredModelRequest{{Name: "iris"}, {Id: created.GetId()}, {ExternalId: "x1"}} {
			if got, err := w.Model(w.Context(), by); err != nil || !proto.Equal(got, created) {
				w.Errorf("%v: %v, %v; want %v", by, got, err, created)
			}
		}
		if _, err := w.Model(w.Context(), &metadatav1.GetRegisteredModelRequest{Namespace: "other", Name: "iris"}); !fault.Is(err, fault.NotFound) {
			w.Errorf("it is in another namespace: %v", err)
		}
		renamed := must[*metadatav1.RegisteredModel](w)(w.UpdateModel(w.Context(), &metadatav1.UpdateRegisteredModelRequest{
			Name: "iris", NewName: "lily", Owner: proto.String(""), State: metadatav1.ModelState_MODEL_STATE_ARCHIVED,
			Properties: &metadatav1.Properties{Values: map[string]*metadatav1.PropertyValue{"only": text("this")}},
		}))
		if renamed.GetName() != "lily" || renamed.GetOwner() != "" || renamed.GetDescription() != "d" || len(renamed.GetProperties()) != 1 ||
			renamed.GetCard().GetLicense() != "mit" || renamed.GetState() != metadatav1.ModelState_MODEL_STATE_ARCHIVED {
			w.Errorf("renamed %v", renamed)
		}
		if err := w.DeleteModel(w.Context(), &metadatav1.DeleteRegisteredModelRequest{Name: "lily"}); err != nil {
			w.Error(err)
		}
		_, err := w.Model(w.Context(), &metadatav1.GetRegisteredModelRequest{Name: "lily"})
		w.refused(err, fault.NotFound, "Registered Model with name=lily not found")
	})
}

func TestModelsAreRefused(t *testing.T) {
	each(t, func(w world) {
		w.model("taken")
		for name, want := range map[string]string{
			"": "Missing value for required parameter 'name'.", " ": "Missing value for required parameter 'name'.",
			"a/b": "Invalid model name 'a/b'. Names cannot contain '/' or ':'.", "a:b": "Names cannot contain",
			"..": "must not resolve to other names", strings.Repeat("x", 257): "'name' exceeds the maximum length of 256 characters",
		} {
			_, err := w.CreateModel(w.Context(), &metadatav1.CreateRegisteredModelRequest{Model: &metadatav1.RegisteredModel{Name: name}})
			w.refused(err, fault.Invalid, want)
		}
		_, err := w.CreateModel(w.Context(), &metadatav1.CreateRegisteredModelRequest{Model: &metadatav1.RegisteredModel{Name: "taken"}})
		w.refused(err, fault.AlreadyExists, "Registered Model (name=taken) already exists.")
		if _, err := w.CreateModel(w.Context(), &metadatav1.CreateRegisteredModelRequest{AnyName: true, Model: &metadatav1.RegisteredModel{Name: "org/net:1"}}); err != nil {
			w.Errorf("any name: %v", err)
		}
		err = w.SetModelTags(w.Context(), &metadatav1.SetRegisteredModelTagsRequest{Name: "taken", Tags: []*metadatav1.Tag{{Key: "a", Value: strings.Repeat("x", 100_001)}}})
		w.refused(err, fault.Invalid, "'value' exceeds the maximum length of 100000 characters")
	})
}

// A name that is a free number is the number; any other gets the next one.
func TestNumbersAndNames(t *testing.T) {
	each(t, func(w world) {
		w.model("m")
		for i, want := range []struct {
			name   string
			number int64
			named  string
		}{
			{"", 1, "1"},
			{"v1", 2, "v1"},
			{"5", 5, "5"},
			{"", 6, "6"},
			{"2", 7, "2"},
			{"007", 8, "007"},
			{"3", 3, "3"},
			{"9999999999", 9, "9999999999"},
			{"", 10, "10"},
		} {
			if v := w.version(&metadatav1.ModelVersion{ModelName: "m", Name: want.name}); v.GetNumber() != want.number || v.GetName() != want.named {
				w.Errorf("%d: %q has number %d and name %q; want %d, %q", i, want.name, v.GetNumber(), v.GetName(), want.number, want.named)
			}
		}
		_, err := w.CreateVersion(w.Context(), &metadatav1.CreateModelVersionRequest{Version: &metadatav1.ModelVersion{ModelName: "m", Name: "v1"}})
		w.refused(err, fault.AlreadyExists, "Model Version (name=m, version=v1) already exists.")
		if err := w.DeleteVersion(w.Context(), &metadatav1.DeleteModelVersionRequest{Name: "m", Version: "10"}); err != nil {
			w.Error(err)
		}
		if v := w.version(&metadatav1.ModelVersion{ModelName: "m"}); v.GetNumber() != 11 {
			w.Errorf("number %d was used again", v.GetNumber())
		}
	})
}

func TestManyMakeVersions(t *testing.T) {
	each(t, func(w world) {
		w.model("m")
		const writers, each = 6, 10
		var group sync.WaitGroup
		for range writers {
			group.Go(func() {
				for range each {
					if _, err := w.CreateVersion(w.Context(), &metadatav1.CreateModelVersionRequest{Version: &metadatav1.ModelVersion{ModelName: "m", Source: "s3://b/m"}}); err != nil {
						w.Error(err)
					}
				}
			})
		}
		group.Wait()
		newest := must[*metadatav1.ModelVersion](w)(w.Version(w.Context(), &metadatav1.GetModelVersionRequest{ModelName: "m", Alias: "latest"}))
		if newest.GetNumber() != writers*each {
			w.Errorf("the newest is %d, want %d", newest.GetNumber(), writers*each)
		}
	})
}

func TestStagesAndAliases(t *testing.T) {
	each(t, func(w world) {
		w.model("m")
		for range 3 {
			w.version(&metadatav1.ModelVersion{ModelName: "m", Source: "s3://b/m"})
		}
		move := func(version, stage string, archive bool) error {
			_, err := w.Transition(w.Context(), &metadatav1.TransitionModelVersionRequest{Name: "m", Version: version, Stage: stage, ArchiveExistingVersions: archive})
			return err
		}
		for _, err := range []error{move("1", "production", false), move("2", "Production", true), move("3", "Staging", false)} {
			if err != nil {
				w.Fatal(err)
			}
		}
		w.refused(move("1", "Best", false), fault.Invalid, "Invalid Model Version stage: Best. Value must be one of None, Staging, Production, Archived.")
		w.refused(move("1", "None", true), fault.Invalid, "'None' is not an Active stage")
		w.refused(move("9", "None", false), fault.NotFound, "Model Version (name=m, version=9) not found")
		w.refused(move("x", "None", false), fault.Invalid, "Parameter 'version' must be an integer, got 'x'.")
		newest := must[[]*metadatav1.ModelVersion](w)(w.LatestVersions(w.Context(), &metadatav1.GetLatestModelVersionsRequest{Name: "m"}))
		got := map[string]int64{}
		for _, v := range newest {
			got[registry.StageName(v.GetStage())] = v.GetNumber()
		}
		if fmt.Sprint(got) != "map[Archived:1 Production:2 Staging:3]" {
			w.Errorf("the newest are %v", got)
		}
		for alias, want := range map[string]string{
			"": "cannot be empty", "a b": "Invalid alias name: 'a b'", "Latest": "'latest' alias name (case insensitive) is reserved.", "v12": "Version alias name 'v12' is reserved.",
		} {
			w.refused(w.SetAlias(w.Context(), &metadatav1.SetModelAliasRequest{Name: "m", Alias: alias, Version: "1"}), fault.Invalid, want)
		}
		for _, version := range []string{"1", "2"} { // moves
			if err := w.SetAlias(w.Context(), &metadatav1.SetModelAliasRequest{Name: "m", Alias: "champion", Version: version}); err != nil {
				w.Fatal(err)
			}
		}
		v := must[*metadatav1.ModelVersion](w)(w.Version(w.Context(), &metadatav1.GetModelVersionRequest{ModelName: "m", Alias: "champion"}))
		if v.GetNumber() != 2 || len(v.GetAliases()) != 1 {
			w.Errorf("champion is %v", v)
		}
		if err := w.DeleteVersion(w.Context(), &metadatav1.DeleteModelVersionRequest{Name: "m", Version: "2"}); err != nil {
			w.Fatal(err)
		}
		_, err := w.Version(w.Context(), &metadatav1.GetModelVersionRequest{ModelName: "m", Alias: "champion"})
		w.refused(err, fault.Invalid, "Registered model alias champion not found.")
	})
}

// A version that MLflow made has a model artifact, and one that Kubeflow made has
// its content where its artifact is.
func TestOneModelServesBothWorlds(t *testing.T) {
	each(t, func(w world) {
		m := w.model("m")
		v := w.version(&metadatav1.ModelVersion{ModelName: "m", Source: "s3://b/one"})
		kinds := []metadatav1.RegistryItem_Kind{metadatav1.RegistryItem_KIND_MODEL_ARTIFACT}
		a := must[*metadatav1.RegistryItem](w)(w.Item(w.Context(), &metadatav1.GetRegistryItemRequest{Kinds: kinds, Name: "m", VersionId: v.GetId()}))
		if a.GetFields()["uri"] != "s3://b/one" {
			w.Errorf("the artifact is %v", a)
		}
		v = w.version(&metadatav1.ModelVersion{ModelId: m.GetId(), Name: "second"})
		a = must[*metadatav1.RegistryItem](w)(w.CreateItem(w.Context(), &metadatav1.CreateRegistryItemRequest{Item: &metadatav1.RegistryItem{
			Kind: kinds[0], Name: "m", VersionId: v.GetId(), Fields: map[string]string{"uri": "s3://b/two", "modelFormatName": "onnx"},
		}}))
		w.resolves("models:/m/2", "s3://b/two")
		must[*metadatav1.RegistryItem](w)(w.UpdateItem(w.Context(), &metadatav1.UpdateRegistryItemRequest{Id: a.GetId(), Fields: map[string]string{"uri": "s3://b/three"}}))
		if answer := w.resolves("model-registry://m/second", "s3://b/three"); answer.GetArtifact().GetFields()["modelFormatName"] != "onnx" {
			w.Errorf("formats are lost: %v", answer)
		}
	})
}

// resolves expects a URI to be a place.
func (w world) resolves(uri, place string) *metadatav1.ResolveModelResponse {
	w.Helper()
	answer, err := w.Resolve(w.Context(), &metadatav1.ResolveModelRequest{Uri: uri})
	if err != nil || answer.GetArtifactUri() != place {
		w.Errorf("%s is %v, %v; want %s", uri, answer, err, place)
	}
	return answer
}

func TestResolve(t *testing.T) {
	each(t, func(w world) {
		w.model("m")
		for i := range 3 {
			w.version(&metadatav1.ModelVersion{ModelName: "m", Source: fmt.Sprintf("s3://b/%d", i+1), Name: []string{"", "two", "1.0"}[i]})
		}
		if err := w.SetAlias(w.Context(), &metadatav1.SetModelAliasRequest{Name: "m", Alias: "best", Version: "1"}); err != nil {
			w.Fatal(err)
		}
		_, err := w.Transition(w.Context(), &metadatav1.TransitionModelVersionRequest{Name: "m", Version: "2", Stage: "Production"})
		if err != nil {
			w.Fatal(err)
		}
		for uri, place := range map[string]string{
			"models:/m/1": "s3://b/1", "models:/m/latest": "s3://b/3", "models:/m@best": "s3://b/1", "models:/m/production": "s3://b/2",
			"model-registry://m": "s3://b/3", "model-registry://m/two": "s3://b/2", "model-registry://m/best": "s3://b/1", "model-registry://m/1.0": "s3://b/3",
			"model-registry://m/2": "s3://b/2", "model-registry://registry.example:8080/m": "s3://b/3", "model-registry://host/m/two": "s3://b/2",
		} {
			w.resolves(uri, place)
		}
		for uri, kind := range map[string]fault.Kind{
			"models:/m": fault.NotFound, "models:/": fault.Invalid, "models:/m/2/3": fault.Invalid, "models:/m/Staging": fault.NotFound, "models:/m@nope": fault.Invalid,
			"models:/m@": fault.Invalid, "models:/m/bad": fault.Invalid, "model-registry://": fault.Invalid, "model-registry://m/nope": fault.NotFound,
			"model-registry://nope": fault.NotFound, "s3://b/1": fault.Invalid, "model-registry://a/b/c/d": fault.Invalid,
		} {
			if _, err := w.Resolve(w.Context(), &metadatav1.ResolveModelRequest{Uri: uri}); !fault.Is(err, kind) {
				w.Errorf("%s: %v; want %s", uri, err, kind)
			}
		}
	})
}

// What a version does not say it takes from the run, the logged model or the
// lineage artifact that it names.
func TestOrigin(t *testing.T) {
	each(t, func(w world) {
		w.model("m")
		w.exec("INSERT INTO tracking_experiments (id, namespace, name, artifact_location, stage, created_at, updated_at) VALUES (7, 'default', 'e', 'x', 'active', 1, 1)")
		run := strings.Repeat("a", 32)
		w.exec("INSERT INTO tracking_runs (run_id, experiment_id, name, user_id, status, stage, artifact_uri, started_at) VALUES (?, 7, 'r', 'u', 'FINISHED', 'active', 'x:/7/r', 1)", run)
		if v := w.version(&metadatav1.ModelVersion{ModelName: "m", RunId: run}); v.GetArtifactUri() != "x:/7/r/model" {
			w.Errorf("from a run: %v", v)
		}
		w.exec("INSERT INTO tracking_models (model_id, experiment_id, name, model_type, source_run_id, status, status_message, stage, artifact_uri, created_at, updated_at)"+
			" VALUES ('m-1', 7, 'l', '', ?, 'READY', '', 'active', 'x:/7/models/m-1', 1, 1)", run)
		w.exec("INSERT INTO tracking_model_links (run_num, direction, model_id, step) SELECT num, 2, 'm-1', 0 FROM tracking_runs")
		for source, v := range map[string]*metadatav1.ModelVersion{
			"a run": {RunId: run}, "a logged model": {LoggedModelId: "m-1"}, "its URI": {Source: "models:/m-1"},
		} {
			v.ModelName = "m"
			if v := w.version(v); v.GetArtifactUri() != "x:/7/models/m-1" || v.GetRunId() != run || v.GetLoggedModelId() != "m-1" {
				w.Errorf("from %s: %v", source, v)
			}
		}
		if v := w.version(&metadatav1.ModelVersion{ModelName: "m", Source: "models:/m/2"}); v.GetArtifactUri() != "x:/7/models/m-1" || v.GetRunId() != run {
			w.Errorf("from another version: %v", v)
		}
		if v := w.version(&metadatav1.ModelVersion{ModelName: "m", Source: "runs:/" + run + "/net"}); v.GetArtifactUri() != "x:/7/r/net" || v.GetRunId() != run {
			w.Errorf("from a place of a run: %v", v)
		}
		w.exec("INSERT INTO artifacts (uid, namespace, name, type, uri, digest, context, created_at) VALUES ('u', 'default', 'model', 'system.Model', 's3://b/a', '', ?, 1)",
			"aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa")
		const first = 1 // the number of the first artifact
		v := w.version(&metadatav1.ModelVersion{ModelName: "m", LineageArtifactId: first})
		if v.GetArtifactUri() != "s3://b/a" || v.GetRunId() != run {
			w.Errorf("from an artifact: %v", v)
		}
		v = w.version(&metadatav1.ModelVersion{ModelName: "m", Source: "s3://b/a"})
		if id, err := w.LineageArtifact(w.Context(), "", v); id != first || err != nil {
			w.Errorf("the artifact at its place is %d, %v", id, err)
		}
		var names []string
		err := w.db.Read(w.Context(), func(tx *sqlstore.Tx) error {
			return registry.Registrations(w.Context(), tx, []string{"m-1"}, func(model, name string, number int64) {
				names = append(names, fmt.Sprint(model, name, number))
			})
		})
		if err != nil || len(names) != 4 {
			w.Errorf("registrations %v, %v; want 4", names, err)
		}
		for _, bad := range []struct {
			v    *metadatav1.ModelVersion
			kind fault.Kind
		}{
			{&metadatav1.ModelVersion{RunId: "none"}, fault.NotFound},
			{&metadatav1.ModelVersion{LoggedModelId: "m-2"}, fault.NotFound},
			{&metadatav1.ModelVersion{LineageArtifactId: 6}, fault.NotFound},
			{&metadatav1.ModelVersion{Source: "s3://b/../c"}, fault.Invalid},
			{&metadatav1.ModelVersion{Source: "s3://b/%252e%252e/c"}, fault.Invalid},
			{&metadatav1.ModelVersion{Source: "models:/m/99"}, fault.NotFound},
		} {
			bad.v.ModelName = "m"
			if _, err := w.CreateVersion(w.Context(), &metadatav1.CreateModelVersionRequest{Version: bad.v}); !fault.Is(err, bad.kind) {
				w.Errorf("%v: %v; want %s", bad.v, err, bad.kind)
			}
		}
		_, err = w.CreateVersion(w.Context(), &metadatav1.CreateModelVersionRequest{MlflowRules: true, Version: &metadatav1.ModelVersion{ModelName: "m", Source: "/etc/passwd"}})
		w.refused(err, fault.Invalid, "To use a local path as a model version source")
	})
}

func TestWhatIsDeployedStays(t *testing.T) {
	each(t, func(w world) {
		m, ctx := w.model("m"), w.Context()
		v := w.version(&metadatav1.ModelVersion{ModelName: "m", Source: "s3://b/m"})
		item := func(i *metadatav1.RegistryItem) *metadatav1.RegistryItem {
			return must[*metadatav1.RegistryItem](w)(w.CreateItem(ctx, &metadatav1.CreateRegistryItemRequest{Item: i}))
		}
		env := item(&metadatav1.RegistryItem{Kind: metadatav1.RegistryItem_KIND_SERVING_ENVIRONMENT, Name: "prod"})
		service := item(&metadatav1.RegistryItem{
			Kind: metadatav1.RegistryItem_KIND_INFERENCE_SERVICE, Name: "s", ParentId: env.GetId(), ModelId: m.GetId(), VersionId: v.GetId(),
		})
		item(&metadatav1.RegistryItem{Kind: metadatav1.RegistryItem_KIND_SERVE_MODEL, ParentId: service.GetId(), VersionId: v.GetId()})
		_, err := w.CreateItem(ctx, &metadatav1.CreateRegistryItemRequest{Item: &metadatav1.RegistryItem{Kind: metadatav1.RegistryItem_KIND_SERVING_ENVIRONMENT, Name: "prod"}})
		w.refused(err, fault.AlreadyExists, `serving environment "prod" exists there already`)
		_, err = w.CreateItem(ctx, &metadatav1.CreateRegistryItemRequest{Item: &metadatav1.RegistryItem{Kind: metadatav1.RegistryItem_KIND_INFERENCE_SERVICE, ParentId: service.GetId(), ModelId: m.GetId()}})
		w.refused(err, fault.NotFound, "no serving environment found")
		w.refused(w.DeleteVersion(ctx, &metadatav1.DeleteModelVersionRequest{Name: "m", Version: "1"}), fault.Precondition, `is served by inference service "s"`)
		w.refused(w.DeleteModel(ctx, &metadatav1.DeleteRegisteredModelRequest{Name: "m"}), fault.Precondition, "Registered Model (name=m) is served")
		_, err = w.UpdateItem(ctx, &metadatav1.UpdateRegistryItemRequest{Id: service.GetId(), State: "GONE"})
		w.refused(err, fault.Invalid, "want one of DEPLOYED, UNDEPLOYED")
		must[*metadatav1.RegistryItem](w)(w.UpdateItem(ctx, &metadatav1.UpdateRegistryItemRequest{Id: service.GetId(), State: "UNDEPLOYED"}))
		if err := w.DeleteModel(ctx, &metadatav1.DeleteRegisteredModelRequest{Name: "m"}); err != nil {
			w.Error(err)
		}
		list := must[*metadatav1.ListRegistryItemsResponse](w)(w.ListItems(ctx, &metadatav1.ListRegistryItemsRequest{}))
		if len(list.GetItems()) != 1 {
			w.Errorf("%v is left", list)
		}
	})
}
