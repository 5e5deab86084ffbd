package tracking

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// checkParams checks the parameters of a request and returns them as they are
// kept: MLflow cuts values that are too long.
func checkParams(request *metadatav1.LogBatchRequest) ([]*metadatav1.Param, error) {
	params := make([]*metadatav1.Param, len(request.GetParams()))
	for i, param := range request.GetParams() {
		if err := checkKey(where(request, "params", i)+"key", param.GetKey()); err != nil {
			return nil, err
		}
		if longerThan(param.GetKey(), maxKey) {
			return nil, tooLong("Param key", maxKey)
		}
		params[i] = &metadatav1.Param{Key: param.GetKey(), Value: cut(param.GetValue(), maxParamValue)}
	}
	return params, nil
}

// sortParams sorts parameters by key, of which each must be different.
func sortParams(params []*metadatav1.Param) ([]*metadatav1.Param, error) {
	seen := make(map[string]bool, len(params))
	var twice []string
	for _, param := range params {
		if seen[param.GetKey()] {
			twice = append(twice, quotePython(param.GetKey()))
		}
		seen[param.GetKey()] = true
	}
	if len(twice) > 0 {
		return nil, invalid("Duplicate parameter keys have been submitted: [%s]. Please ensure the request contains only one"+
			" param value per param key.", strings.Join(twice, ", "))
	}
	slices.SortFunc(params, func(a, b *metadatav1.Param) int { return strings.Compare(a.GetKey(), b.GetKey()) })
	return params, nil
}

// owner is what parameters belong to.
type owner struct {
	num  int64
	name string // for messages, such as "run ID='1f'"
}

// putParams adds parameters, whose keys must be different and sorted. One that has
// another value already is an Invalid fault that names both.
func putParams(ctx context.Context, tx *sqlstore.Tx, in pairs, of owner, params []*metadatav1.Param) error {
	insert := in.insert(tx, "DO NOTHING")
	for _, param := range params {
		if err := insert.Row(ctx, of.num, param.GetKey(), param.GetValue()); err != nil {
			return err
		}
	}
	added, err := insert.Flush(ctx)
	if err != nil || int(added) == len(params) {
		return err
	}
	old := map[string]string{}
	err = readParams(ctx, tx, in, map[int64]owner{of.num: of}, func(_ owner, param *metadatav1.Param) {
		old[param.GetKey()] = param.GetValue()
	})
	if err != nil {
		return err
	}
	return unchanged(of.name, params, old)
}

// unchanged returns an Invalid fault for parameters that have other values already.
func unchanged(name string, params []*metadatav1.Param, old map[string]string) error {
	var changed []string
	for _, param := range params {
		if value := old[param.GetKey()]; value != param.GetValue() {
			changed = append(changed, fmt.Sprintf("{'key': %s, 'old_value': %s, 'new_value': %s}",
				quotePython(param.GetKey()), quotePython(value), quotePython(param.GetValue())))
		}
	}
	switch {
	case len(changed) == 0:
		return nil
	case len(params) == 1:
		return invalid("Changing param values is not allowed. Param with key='%s' was already logged with value='%s' for %s."+
			" Attempted logging new value '%s'.", params[0].GetKey(), old[params[0].GetKey()], name, params[0].GetValue())
	}
	return invalid("Changing param values is not allowed. Params were already logged='[%s]' for %s.", strings.Join(changed, ", "), name)
}
