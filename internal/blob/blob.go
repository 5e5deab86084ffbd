// Package blob is the object store: artifacts, large specs, logs of the past.
//
// A Bucket is a directory, S3, GCS or Azure behind one interface
// (gocloud.dev/blob). Where it is a directory, the URI of an object is its plain
// absolute path, so that processes of the same host read and write artifacts in
// place and nothing is copied.
package blob
