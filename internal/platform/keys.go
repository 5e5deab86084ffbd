package platform

// AWS KMS, for keys that secrets are encrypted with. `kfmesh up` keeps its key in a
// file, or is given one, and does without.
import _ "gocloud.dev/secrets/awskms" // registers awskms:// with gocloud.dev/secrets
