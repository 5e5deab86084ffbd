// Package gateway is the edge: the two ports at which the world meets kfmesh.
//
// The HTTP port serves the REST form of every service, the KFP API among them
// (/apis/v2beta1, uploads included), kfmesh's own (/kfmesh/v1), the document that
// describes both (/openapi.json), MLflow's API with its artifacts
// (/api/2.0/mlflow), the content of artifacts, /healthz, /readyz and /metrics. What a page of another site has a browser send may change nothing.
// The gRPC port passes every call on, unread, to the service that owns it, and
// answers reflection and health itself.
//
// The gateway keeps no state. It finds services through the mesh, and knows
// which there are from the protos that are linked in: package kfmesh.<service>.v1
// belongs to <service>.
package gateway
