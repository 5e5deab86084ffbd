package platform

// S3, and what speaks its protocol: MinIO, Ceph, and GCS with interoperability
// keys. It adds 12 MB to a service's binary; the drivers of GCS and Azure
// would add another 33 and are left to builds that need them. `kfmesh up`
// keeps artifacts in a directory and does without.
import _ "gocloud.dev/blob/s3blob" // registers s3:// with internal/blob
