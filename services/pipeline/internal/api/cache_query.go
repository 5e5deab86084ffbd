package api

import (
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/list"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// newestFirst is a list request for everything, the newest first.
type newestFirst struct{ token string }

func (r newestFirst) GetPageToken() string { return r.token }
func (newestFirst) GetPageSize() int32     { return 0 }
func (newestFirst) GetSortBy() string      { return "created_at desc" }
func (newestFirst) GetFilter() string      { return "" }

// cacheQuery is what a selector asks for, as a query with the fields it is over.
// A page token belongs to the selector that it was given for.
func cacheQuery(selector *pipelinev1.CacheSelector, token string) (list.Query, list.Fields[cacheItem], error) {
	fields := cacheFields(selector)
	scope, err := cacheScope(selector)
	if err != nil {
		return list.Query{}, fields, err
	}
	q, err := list.Parse(newestFirst{token}, scope...)
	return q, fields, err
}

// cacheScope is a selector as predicates.
func cacheScope(selector *pipelinev1.CacheSelector) ([]*metav1.Predicate, error) {
	var scope []*metav1.Predicate
	equals := func(key, value string) {
		if value != "" {
			scope = append(scope, list.Equals(key, value))
		}
	}
	if selector.GetNamespace() != "" {
		namespace, err := namespaceOf(selector.GetNamespace())
		if err != nil {
			return nil, err
		}
		equals("namespace", namespace)
	}
	equals("pipeline_name", selector.GetPipelineName())
	equals("run_id", selector.GetRunId())
	equals("task", selector.GetTask())
	equals("key", selector.GetKey())
	if before := selector.GetCreatedBefore(); before != nil {
		if !before.IsValid() {
			return nil, fault.Invalidf("selector.created_before", "is not a time")
		}
		scope = append(scope, &metav1.Predicate{
			Operation: metav1.Predicate_LESS_THAN, Key: "created_at",
			Value: &metav1.Predicate_TimestampValue{TimestampValue: before},
		})
	}
	return scope, nil
}

// cacheFields are the fields of entries. Those of task and key give what the
// selector has where it fits: a name or a path, the beginning of a key.
func cacheFields(selector *pipelinev1.CacheSelector) list.Fields[cacheItem] {
	text := func(of func(cacheItem) string) list.Field[cacheItem] { return list.Field[cacheItem]{Text: of} }
	return list.Fields[cacheItem]{
		ID: func(e cacheItem) string { return e.Key },
		Key: map[string]list.Field[cacheItem]{
			"created_at": {Time: func(e cacheItem) *timestamppb.Timestamp { return state.MadeAt(e.Value) }},
			"run_id":     text(func(e cacheItem) string { return e.Value.GetRunId() }),
			"namespace": text(func(e cacheItem) string {
				namespace, _, _ := state.ParseCacheKey(e.Key)
				return namespace
			}),
			"pipeline_name": text(func(e cacheItem) string {
				_, pipeline, _ := state.ParseCacheKey(e.Key)
				return pipeline
			}),
			"task": text(func(e cacheItem) string {
				if name := e.Value.GetTask().GetName(); name == selector.GetTask() {
					return name
				}
				return e.Value.GetTask().GetPath()
			}),
			"key": text(func(e cacheItem) string {
				_, _, key := state.ParseCacheKey(e.Key)
				if strings.HasPrefix(key, selector.GetKey()) {
					return selector.GetKey()
				}
				return key
			}),
		},
	}
}
