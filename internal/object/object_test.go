package object

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// shown is an object as JSON with its keys in order.
func shown(t *testing.T, object map[string]any) string {
	t.Helper()
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestThereAndBack reads each kind and writes it as it was.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"apiVersion":"v1","binaryData":{"b":"AAE="},"data":{"a":"1"},"immutable":true,"kind":"ConfigMap","metadata":{"annotations":{"n":"1"},"labels":{"l":"v"},"managedFields":[{"manager":"m"}],"name":"c","namespace":"ns"}}`,
		`{"apiVersion":"scheduling.k8s.io/v1","description":"d","kind":"PriorityClass","metadata":{"name":"high"},"preemptionPolicy":"PreemptLowerPriority","value":-3}`,
		`{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"v","namespace":"ns"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"5Gi"}},"volumeMode":"Filesystem","volumeName":"pvc-"},` +
			`"status":{"accessModes":["ReadWriteOnce"],"capacity":{"storage":"5Gi"},"phase":"Bound"}}`,
	} {
		var got map[string]any
		var warnings []string
		var err error
		switch {
		case strings.Contains(text, "ConfigMap"):
			var c *gpuagentv1.ConfigMap
			if c, warnings, err = ReadConfigMap([]byte(text)); err == nil {
				got = ConfigMap(c)
			}
		case strings.Contains(text, "PriorityClass"):
			var c *gpuagentv1.PriorityClass
			if c, warnings, err = ReadPriorityClass([]byte(text)); err == nil {
				got = PriorityClass(c)
			}
		default:
			var v *gpuagentv1.PersistentVolume
			if v, warnings, err = ReadClaim([]byte(text)); err == nil {
				got = Claim(v)
			}
		}
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v, %q", text, err, warnings)
			continue
		}
		if s := shown(t, got); s != text {
			t.Errorf("got  %s\nwant %s", s, text)
		}
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	applied := `{\"data\":{\"a\":\"c2VjcmV0\"},\"stringData\":{\"b\":\"secret\"}}`
	s, _, err := ReadSecret([]byte(`{"kind":"Secret","metadata":{"name":"s","annotations":{"` + lastApplied + `":"` + applied + `"}},
		"data":{"a":"c2VjcmV0","k":"PGhpZGRlbj4=","o":"b2xk"},"stringData":{"o":"new"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{"a": []byte("secret"), "o": []byte("new")}
	if !reflect.DeepEqual(s.GetData(), want) || !slices.Equal(s.GetKeep(), []string{"k"}) {
		t.Errorf("data %q, keeps %q", s.GetData(), s.GetKeep())
	}
	s.Sizes = map[string]int64{"a": 6}
	text := shown(t, Secret(s))
	for _, value := range []string{"c2VjcmV0", `secret\`} {
		if strings.Contains(text, value) {
			t.Errorf("%s is in %s", value, text)
		}
	}
	if !strings.Contains(text, `"data":{"a":"PGhpZGRlbj4="}`) || !strings.Contains(text, "stringData") {
		t.Error(text)
	}
	s, _, err = ReadSecret([]byte(`{"metadata":{"annotations":{"` + lastApplied + `":"c2VjcmV0"}}}`))
	if err != nil || len(s.GetMetadata().GetAnnotations()) > 0 {
		t.Errorf("what cannot be read is kept: %v, %v", s, err)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	_, got, err := ReadConfigMap([]byte(`{"kind":"ConfigMap","metadata":{"name":"c","finalizers":["f"],"ownerReferences":[],"lables":{}},"dat":{}}`))
	want := []string{`unknown field "dat"`, "metadata.finalizers has no effect here", `unknown field "metadata.lables"`}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %q; want %q", err, got, want)
	}
	_, got, err = ReadClaim([]byte(`{"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"fast","resources":{"requests":{"storage":1000}}}}`))
	if err != nil || !slices.Equal(got, []string{"spec.storageClassName has no effect here"}) {
		t.Errorf("%v, %q", err, got)
	}
	_, got, err = ReadPriorityClass([]byte(`{"value":1,"globalDefault":true,"preemptionPolicy":"Never"}`))
	if err != nil || len(got) != 2 {
		t.Errorf("%v, %q", err, got)
	}
}

func TestWrong(t *testing.T) {
	t.Parallel()
	claim := func(text string) error { _, _, err := ReadClaim([]byte(text)); return err }
	secret := func(text string) error { _, _, err := ReadSecret([]byte(text)); return err }
	configMap := func(text string) error { _, _, err := ReadConfigMap([]byte(text)); return err }
	priority := func(text string) error { _, _, err := ReadPriorityClass([]byte(text)); return err }
	for _, tt := range []struct {
		read       func(string) error
		text, says string
	}{
		{configMap, `{"data":{"a":1}}`, "data: found a number; want a string: put it in quotes"},
		{configMap, `{"immutable":"yes"}`, "immutable: found a string; want true or false"},
		{configMap, `{"metadata":[]}`, "metadata: found a array; want an object"},
		{configMap, `[`, "cannot be read"},
		{secret, `{"data":{"a":"?"}}`, "data.a is not base64; text as it is goes into stringData"},
		{priority, `{}`, "value: Required value"},
		{priority, `{"value":1.5}`, "value: found a number 1.5; want a whole number"},
		{claim, `{"spec":{}}`, "spec.accessModes"},
		{claim, `{"spec":{"resources":{"requests":{"storage":"-1Gi"}}}}`, "must be a size above 0"},
		{claim, `{"spec":{"dataSource":{"kind":"x"}}}`, "volumes begin empty here"},
		{claim, `{"spec":{"volumeMode":"Block"}}`, "volumes are directories here"},
	} {
		err := tt.read(tt.text)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %s", tt.text, err, tt.says)
		}
	}
}

func TestQuantity(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int64]string{5 << 30: "5Gi", 5_000_000_000: "5G", 1: "1", 0: "0", 1536 << 20: "1536Mi"} {
		if got := quantity(bytes); got != want {
			t.Errorf("%d: %s, want %s", bytes, got, want)
		}
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	got := shown(t, Metadata(&metav1.ObjectMeta{
		Namespace: "ns", Name: "n", Uid: "u", ResourceVersion: 7, Generation: 2, CreateTime: &timestamppb.Timestamp{Seconds: 1}, ManagedFields: "broken",
	}))
	if want := `{"creationTimestamp":"1970-01-01T00:00:01Z","name":"n","namespace":"ns","resourceVersion":"7","uid":"u"}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	c, _, err := ReadConfigMap([]byte(`{"metadata":{"generateName":"a-"}}`))
	if name := c.GetMetadata().GetName(); err != nil || len(name) != len("a-")+5 {
		t.Errorf("%q, %v", name, err)
	}
}
