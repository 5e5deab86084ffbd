package state

import (
	"net/url"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// CacheScope is the beginning of the keys in Cache of a namespace, or of one of
// its pipelines when that is given. An empty namespace is that of all keys, and
// must come with no pipeline.
func CacheScope(namespace, pipeline string) string {
	switch {
	case namespace == "":
		return ""
	case pipeline == "":
		return url.PathEscape(namespace) + "/"
	}
	return CacheKey(namespace, pipeline, "")
}

// ParseCacheKey reads what CacheKey made; the parts are empty for anything else.
func ParseCacheKey(key string) (namespace, pipeline, digest string) {
	parts := strings.Split(key, "/")
	if len(parts) != 3 {
		return "", "", ""
	}
	namespace, errNamespace := url.PathUnescape(parts[0])
	pipeline, errPipeline := url.PathUnescape(parts[1])
	if errNamespace != nil || errPipeline != nil {
		return "", "", ""
	}
	return namespace, pipeline, parts[2]
}

// MadeAt is when an entry was made. Entries of older versions of kfmesh do not
// say so, but when their task ended.
func MadeAt(entry *pipelinev1.CacheEntry) *timestamppb.Timestamp {
	if at := entry.GetCreatedAt(); at != nil {
		return at
	}
	return entry.GetTask().GetDetail().GetEndTime()
}

// ExpiresAt is when an entry counts no longer; zero means never.
func ExpiresAt(entry *pipelinev1.CacheEntry, ttl time.Duration) time.Time {
	if ttl == 0 {
		return time.Time{}
	}
	return MadeAt(entry).AsTime().Add(ttl)
}

// Expired reports whether an entry counts no longer.
func Expired(entry *pipelinev1.CacheEntry, ttl time.Duration, now time.Time) bool {
	at := ExpiresAt(entry, ttl)
	return !at.IsZero() && !now.Before(at)
}
