package registry

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// modelURI is what a models:/ URI names: a logged model, or of a registered model
// a version by its number, the newest of a stage, the newest, or that of an alias.
type modelURI struct {
	loggedModel string
	name        string
	number      int64
	stage       string // "" with the rest unset: the newest of all
	alias       string
}

// versionURI is the models:/ URI of a version.
func versionURI(model string, number int64) string {
	return "models:/" + model + "/" + strconv.FormatInt(number, 10)
}

// parseModelURI reads models:/NAME/VERSION, models:/NAME/STAGE, models:/NAME/latest,
// models:/NAME@ALIAS or models:/ID.
func parseModelURI(uri string) (modelURI, error) {
	improper := invalid("Not a proper models:/ URI: %s. Models URIs must be of the form 'models:/name/suffix' or 'models:/name@alias'"+
		" where suffix is a version, stage, or the string 'latest' and where alias is a registered model alias."+
		" Only one of suffix or alias can be defined at a time.", uri)
	path, ok := strings.CutPrefix(uri, "models:/")
	path = strings.TrimLeft(path, "/")
	name, suffix, two := strings.Cut(path, "/")
	if !ok || strings.TrimSpace(name) == "" || strings.Contains(suffix, "/") || (two && strings.TrimSpace(suffix) == "") {
		return modelURI{}, improper
	}
	if !two {
		if at := strings.LastIndex(name, "@"); at >= 0 {
			if name[at+1:] == "" {
				return modelURI{}, improper
			}
			return modelURI{name: name[:at], alias: name[at+1:]}, nil
		}
		return modelURI{loggedModel: name}, nil
	}
	if number, err := strconv.ParseInt(suffix, 10, 64); err == nil && number >= 0 {
		return modelURI{name: name, number: number}, nil
	}
	if strings.EqualFold(suffix, latest) {
		return modelURI{name: name}, nil
	}
	stage, err := ParseStage(suffix)
	return modelURI{name: name, stage: StageName(stage)}, err
}

// find finds the version that a URI of a registered model names.
func (u modelURI) find(ctx context.Context, tx *sqlstore.Tx, namespace string) (*metadatav1.ModelVersion, error) {
	if u.number != 0 {
		return versionNumbered(ctx, tx, namespace, u.name, u.number)
	}
	m, err := modelNamed(ctx, tx, namespace, u.name)
	if err != nil {
		return nil, err
	}
	if u.alias != "" {
		return versionOf(ctx, tx, m, &metadatav1.GetModelVersionRequest{Alias: u.alias})
	}
	v, err := latestVersion(ctx, tx, m.GetId(), u.stage)
	if err == nil && v == nil {
		of := ""
		if u.stage != "" {
			of = " and stage '" + u.stage + "'"
		}
		err = fault.NotFoundf("No versions of model with name '%s'%s found", u.name, of)
	}
	return v, err
}

// registryScheme is that of Kubeflow Model Registry's URIs.
const registryScheme = "model-registry://"

// registryURI is what a model-registry:// URI may name, the likeliest first.
type registryURI struct {
	model   string
	version string // name, alias or number; "" is the newest
}

// parseRegistryURI reads model-registry://[HOST/]NAME[/VERSION]. Two parts may be a
// name and a version, or a host and a name.
func parseRegistryURI(uri string) ([]registryURI, error) {
	improper := fault.Invalidf("uri", "%q is not the URI of a model; want %sNAME or %sNAME/VERSION, where VERSION is the name,"+
		" an alias or the number of a version, with %%2F for a / in a name", uri, registryScheme, registryScheme)
	parts := strings.Split(strings.Trim(strings.TrimPrefix(uri, registryScheme), "/"), "/")
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil || plain == "" {
			return nil, improper
		}
		parts[i] = plain
	}
	switch len(parts) {
	case 1:
		return []registryURI{{model: parts[0]}}, nil
	case 2:
		named := []registryURI{{model: parts[0], version: parts[1]}}
		if strings.ContainsAny(parts[0], ".:") {
			named = append(named, registryURI{model: parts[1]})
		}
		return named, nil
	case 3:
		return []registryURI{{model: parts[1], version: parts[2]}}, nil
	}
	return nil, improper
}

// find finds the version that is named; nil when there is no such model.
func (u registryURI) find(ctx context.Context, tx *sqlstore.Tx, namespace string) (*metadatav1.ModelVersion, error) {
	m, err := modelWhere(ctx, tx, namespace, "m.name = ?", u.model)
	if err != nil || m == nil {
		return nil, err
	}
	if u.version == "" {
		return newestLive(ctx, tx, m)
	}
	v, err := versionWhere(ctx, tx, "v.model_id = ? AND v.name = ?", m.GetId(), u.version)
	if err != nil || v != nil {
		return v, err
	}
	if v, err = versionAliased(ctx, tx, m.GetId(), u.version); err != nil || v != nil {
		return v, err
	}
	if number, ok := numberIn(u.version); ok {
		return versionNumbered(ctx, tx, namespace, u.model, number)
	}
	return nil, noVersion(u.model, u.version)
}

// newestLive is the newest version of a model that is not archived.
func newestLive(ctx context.Context, tx *sqlstore.Tx, m *metadatav1.RegisteredModel) (*metadatav1.ModelVersion, error) {
	v, err := versionWhere(ctx, tx, "v.model_id = ? AND v.state = 'LIVE' ORDER BY v.number DESC LIMIT 1", m.GetId())
	if err == nil && v == nil {
		err = fault.NotFoundf("model %s has no live version", m.GetName())
	}
	return v, err
}
