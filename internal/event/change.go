package event

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/kfmesh/kfmesh/gen/kfmesh/event/v1"
)

// Changed returns the event that says what happened to a resource at a revision
// of the store. The key and the revision make its id.
func Changed(s Subject, uid, key string, revision int64, at time.Time) Event {
	return Event{
		ID:      fmt.Sprintf("%s@%d", key, revision),
		Source:  "/kfmesh/" + s.Service,
		Type:    fmt.Sprintf("dev.kfmesh.%s.%s.%s", s.Service, s.Kind, s.What),
		Subject: s,
		Time:    at,
		Data: &eventv1.ResourceChanged{
			Service: s.Service, Kind: s.Kind, Namespace: s.Namespace, Name: s.Name, Uid: uid, What: s.What,
			Revision: revision, Time: timestamppb.New(at),
		},
	}
}
