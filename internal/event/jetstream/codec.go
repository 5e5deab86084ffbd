package jetstream

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protojson"

	eventv1 "github.com/kfmesh/kfmesh/gen/kfmesh/event/v1"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// The headers of the CloudEvents NATS protocol binding, version 1.0, and the
// one by which JetStream knows duplicates.
const (
	headerVersion     = "ce-specversion"
	headerID          = "ce-id"
	headerSource      = "ce-source"
	headerType        = "ce-type"
	headerSubject     = "ce-subject"
	headerTime        = "ce-time"
	headerContentType = "content-type"

	cloudEventsVersion = "1.0"
	contentType        = "application/json"
)

// encode turns an event into a message.
func encode(e event.Event) (*nats.Msg, error) {
	if e.ID == "" {
		return nil, fault.Invalidf("id", "an event needs an id")
	}
	data, err := protojson.Marshal(e.Data)
	if err != nil {
		return nil, fault.Internalf(err, "data of event %s cannot be encoded", e.ID)
	}
	msg := nats.NewMsg(e.Subject.String())
	msg.Data = data
	for name, value := range map[string]string{
		nats.MsgIdHdr:     e.ID,
		headerVersion:     cloudEventsVersion,
		headerID:          e.ID,
		headerSource:      e.Source,
		headerType:        e.Type,
		headerSubject:     e.Subject.Name,
		headerTime:        e.Time.UTC().Format(time.RFC3339Nano),
		headerContentType: contentType,
	} {
		msg.Header.Set(name, escape(value))
	}
	return msg, nil
}

// decode is the inverse of encode.
func decode(subject string, header nats.Header, data []byte) (event.Event, error) {
	if v := header.Get(headerVersion); v != cloudEventsVersion {
		return event.Event{}, fault.Invalidf(headerVersion, "is %q, want %s", v, cloudEventsVersion)
	}
	e := event.Event{Data: &eventv1.ResourceChanged{}}
	var err error
	if e.Subject, err = event.ParseSubject(subject); err != nil {
		return event.Event{}, err
	}
	for name, field := range map[string]*string{headerID: &e.ID, headerSource: &e.Source, headerType: &e.Type} {
		if *field, err = url.PathUnescape(header.Get(name)); err != nil {
			return event.Event{}, fault.Invalidf(name, "%q is badly escaped", header.Get(name))
		}
	}
	if e.Time, err = time.Parse(time.RFC3339Nano, header.Get(headerTime)); err != nil {
		return event.Event{}, fault.Invalidf(headerTime, "%q is not a time, such as 2006-01-02T15:04:05Z", header.Get(headerTime))
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, e.Data); err != nil {
		return event.Event{}, fault.Invalidf("data", "is not a ResourceChanged: %v", err)
	}
	return e, nil
}

// escape percent-encodes what a header may not hold, as the binding's section
// on header values says: all but visible ASCII, and of that '"' and '%'.
func escape(value string) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
