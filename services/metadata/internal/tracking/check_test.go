package tracking_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

const (
	badName = "Invalid value %s for parameter 'metrics[0].name' supplied: Names may only contain alphanumerics, underscores (_)," +
		" dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
	badPath = "Invalid value %s for parameter 'metrics[0].name' supplied: Names may be treated as files in certain cases, and must" +
		" not resolve to other names when treated as such. This name would resolve to %s"
)

// The wording is what MLflow's own server answers.
func TestKeysThatAreRefused(t *testing.T) {
	s := &store{Store: tracking.New(sqltest.SQLite(t)), t: t}
	run := s.run()
	for _, c := range []struct{ key, quoted, resolved string }{
		{key: "", quoted: `""`, resolved: "'.'"},
		{key: ".", quoted: `"."`, resolved: "'.'"},
		{key: "..", quoted: `".."`, resolved: "'..'"},
		{key: "../a", quoted: `"../a"`, resolved: "'../a'"},
		{key: "/a", quoted: `"/a"`, resolved: "'/a'"},
		{key: "//a", quoted: `"//a"`, resolved: "'//a'"},
		{key: "///a", quoted: `"///a"`, resolved: "'/a'"},
		{key: "a//b", quoted: `"a//b"`, resolved: "'a/b'"},
		{key: "a/", quoted: `"a/"`, resolved: "'a'"},
		{key: "./a", quoted: `"./a"`, resolved: "'a'"},
		{key: "a/../b", quoted: `"a/../b"`, resolved: "'b'"},
		{key: "a\tb", quoted: `"a\tb"`},
		{key: "a\"b", quoted: `"a\"b"`},
		{key: "a\\b", quoted: `"a\\b"`},
		{key: "a'b", quoted: `"a'b"`},
		{key: "a\n", quoted: `"a\n"`},
		{key: "a\x00", quoted: `"a\u0000"`},
		{key: "😀", quoted: `"\ud83d\ude00"`},
	} {
		want := strings.Replace(badName, "%s", c.quoted, 1)
		if c.resolved != "" {
			want = strings.Replace(strings.Replace(badPath, "%s", c.quoted, 1), "%s", c.resolved, 1)
		}
		s.refuses(run, &metadatav1.LogBatchRequest{Metrics: []*metadatav1.Metric{{Key: c.key}}}, want)
	}
	for _, key := range []string{"a/b", "a b", "a:b", "été", "数", "a.b-c_d"} {
		s.log(run, &metadatav1.LogBatchRequest{
			Metrics: []*metadatav1.Metric{{Key: key}}, Params: []*metadatav1.Param{{Key: key}}, Tags: []*metadatav1.Tag{{Key: key}},
		})
	}
}

func TestBatchesThatAreRefused(t *testing.T) {
	s := &store{Store: tracking.New(sqltest.SQLite(t)), t: t}
	run := s.run()
	long := strings.Repeat("é", 251)
	metric := &metadatav1.Metric{Key: "m"}
	params := make([]*metadatav1.Param, 101)
	tags := make([]*metadatav1.Tag, 101)
	for i := range params {
		params[i], tags[i] = &metadatav1.Param{Key: strconv.Itoa(i)}, &metadatav1.Tag{Key: strconv.Itoa(i)}
	}
	for _, c := range []struct {
		batch *metadatav1.LogBatchRequest
		want  string
	}{
		{&metadatav1.LogBatchRequest{Metrics: []*metadatav1.Metric{{Key: long}}}, "'Metric name' exceeds the maximum length of 250 characters"},
		{&metadatav1.LogBatchRequest{Params: []*metadatav1.Param{{Key: long}}}, "'Param key' exceeds the maximum length of 250 characters"},
		{&metadatav1.LogBatchRequest{Tags: []*metadatav1.Tag{{Key: long}}}, "'tags[0].key' exceeds the maximum length of 250 characters"},
		{&metadatav1.LogBatchRequest{Tags: []*metadatav1.Tag{{Key: long}}, Single: true}, "'key' exceeds the maximum length of 250 characters"},
		{
			&metadatav1.LogBatchRequest{Metrics: []*metadatav1.Metric{metric, {Key: "k", Value: math.NaN(), Timestamp: -5}}},
			"Invalid value -5 for parameter 'metrics[1].timestamp' supplied: metric 'k' (value=nan). Timestamp must be a nonnegative long (64-bit integer) ",
		},
		{
			&metadatav1.LogBatchRequest{Metrics: []*metadatav1.Metric{{Key: "k", Value: 2, Timestamp: -5}}, Single: true},
			"Invalid value -5 for parameter 'timestamp' supplied: metric 'k' (value=2.0). Timestamp must be a nonnegative long (64-bit integer) ",
		},
		{
			&metadatav1.LogBatchRequest{Metrics: repeat(metric, 1001)},
			"A batch logging request can contain at most 1000 metrics. Got 1001 metrics. Please split up metrics across multiple requests and try again.",
		},
		{
			&metadatav1.LogBatchRequest{Params: params},
			"A batch logging request can contain at most 100 params. Got 101 params. Please split up params across multiple requests and try again.",
		},
		{
			&metadatav1.LogBatchRequest{Tags: tags},
			"A batch logging request can contain at most 100 tags. Got 101 tags. Please split up tags across multiple requests and try again.",
		},
		{
			&metadatav1.LogBatchRequest{Metrics: repeat(metric, 950), Tags: tags[:51]},
			"A batch logging request can contain at most 1000 metrics, params, and tags. Got 1001 metrics, params, and tags." +
				" Please split up metrics, params, and tags across multiple requests and try again.",
		},
		{
			&metadatav1.LogBatchRequest{Params: []*metadatav1.Param{{Key: "a"}, {Key: "b"}, {Key: "a", Value: "x"}, {Key: "b"}}},
			"Duplicate parameter keys have been submitted: ['a', 'b']. Please ensure the request contains only one param value per param key.",
		},
	} {
		s.refuses(run, c.batch, c.want)
	}
	if got := s.get(run); len(got.GetMetrics())+len(got.GetParams()) > 0 || len(got.GetTags()) != 1 {
		t.Errorf("a refused batch was kept: %v", got)
	}
}

func TestTextIsCutOrRefused(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		run := s.run()
		s.log(run, &metadatav1.LogBatchRequest{
			Params: []*metadatav1.Param{{Key: "p", Value: strings.Repeat("é", 6001)}},
			Tags:   []*metadatav1.Tag{{Key: "t", Value: strings.Repeat("é", 8001)}},
		})
		got := s.get(run)
		if got.GetParams()[0].GetValue() != strings.Repeat("é", 6000) || got.GetTags()[1].GetValue() != strings.Repeat("é", 8000) {
			t.Error("long values were not cut to 6000 and 8000 characters")
		}
		_, err := s.LogBatch(t.Context(), &metadatav1.LogBatchRequest{RunId: run, Tags: []*metadatav1.Tag{{Key: "n", Value: "a\x00b"}}})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("a value with NUL: %v, want Invalid", err)
		}
	})
}

// refuses logs and expects an Invalid fault with a message.
func (s *store) refuses(run string, request *metadatav1.LogBatchRequest, want string) {
	s.t.Helper()
	request.RunId = run
	_, err := s.LogBatch(s.t.Context(), request)
	expect(s.t, err, fault.Invalid, want)
}

// expect expects a fault with a message.
func expect(t *testing.T, err error, kind fault.Kind, want string) {
	t.Helper()
	if !fault.Is(err, kind) || err.Error() != want {
		t.Errorf("error is\n  %v\nwant %s\n  %s", err, kind, want)
	}
}

func repeat[T any](value T, n int) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = value
	}
	return all
}
