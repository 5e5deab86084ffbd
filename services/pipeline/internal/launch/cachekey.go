package launch

// CacheKey names what a container task would compute: tasks of one pipeline
// with equal keys may share their outputs. customKey is the task's
// cachingOptions.cacheKey, empty for none. Where the digest of an input
// artifact's content is known it counts instead of the artifact's name.
func CacheKey(req Request, customKey string) (string, error) { panic("soon") }
