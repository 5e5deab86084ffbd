package event

import (
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	eventv1 "github.com/kfmesh/kfmesh/gen/kfmesh/event/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Names of the headers of a CloudEvent in binary content mode.
const (
	headerID      = "ce-id"
	headerSource  = "ce-source"
	headerType    = "ce-type"
	headerTime    = "ce-time"
	headerSubject = "ce-subject"
	headerVersion = "ce-specversion"
	headerContent = "content-type"
)

// Encode returns the event in CloudEvents' binary content mode: attributes as
// headers, data as JSON.
func Encode(e Event) (headers map[string]string, data []byte, err error) {
	data, err = protojson.Marshal(e.Data)
	if err != nil {
		return nil, nil, fault.Internalf(err, "event %s cannot be written", e.ID)
	}
	return map[string]string{
		headerVersion: "1.0",
		headerID:      e.ID,
		headerSource:  e.Source,
		headerType:    e.Type,
		headerTime:    e.Time.UTC().Format(time.RFC3339Nano),
		headerSubject: e.Subject.String(),
		headerContent: "application/json",
	}, data, nil
}

// Decode reads what Encode wrote. Unknown fields are left out.
func Decode(header func(name string) string, data []byte) (Event, error) {
	changed := &eventv1.ResourceChanged{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, changed); err != nil {
		return Event{}, fault.Invalidf("data", "is not the JSON of a ResourceChanged: %v", err)
	}
	at, err := time.Parse(time.RFC3339Nano, header(headerTime))
	if err != nil {
		return Event{}, fault.Invalidf(headerTime, "is %q; want RFC 3339", header(headerTime))
	}
	return Event{
		ID:     header(headerID),
		Source: header(headerSource),
		Type:   header(headerType),
		Time:   at,
		Data:   changed,
		Subject: Subject{
			Service: changed.GetService(), Kind: changed.GetKind(), Namespace: changed.GetNamespace(),
			Name: changed.GetName(), What: changed.GetWhat(),
		},
	}, nil
}
