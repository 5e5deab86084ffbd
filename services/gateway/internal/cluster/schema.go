package cluster

import (
	"context"

	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// described is the schema of a kind that never changes.
func described(description string, fields map[string]any) func(context.Context) (*kube.Schema, error) {
	return func(context.Context) (*kube.Schema, error) {
		return &kube.Schema{Description: description, Fields: fields}, nil
	}
}

func field(kind, description string) map[string]any {
	return map[string]any{"type": kind, "description": description}
}

// values are texts by key.
func values(description string) map[string]any {
	return map[string]any{"type": "object", "description": description, "additionalProperties": map[string]any{"type": "string"}}
}

const fixed = "Whether its values stay as they are until it is deleted."

func configMapFields() map[string]any {
	return map[string]any{
		"data": values("Values by key."), "binaryData": values("Values by key that are no text, in base64."), "immutable": field("boolean", fixed),
	}
}

func secretFields() map[string]any {
	return map[string]any{
		"data":       values("Values by key, in base64. They are shown as <hidden>, and stay as they are where that is sent back."),
		"stringData": values("Values by key, as text."), "type": field("string", "Type; Opaque by default."), "immutable": field("boolean", fixed),
	}
}

func claimFields() map[string]any {
	size := map[string]any{"type": "object", "description": "How much is wanted.", "additionalProperties": map[string]any{"x-kubernetes-int-or-string": true}}
	return map[string]any{
		"spec": map[string]any{
			"type": "object", "description": "What is wanted.", "x-kubernetes-preserve-unknown-fields": true,
			"properties": map[string]any{
				"accessModes": map[string]any{
					"type": "array", "description": "Who may mount it at once, such as ReadWriteOnce.", "items": map[string]any{"type": "string"},
					"x-kubernetes-list-type": "atomic",
				},
				"resources": map[string]any{
					"type": "object", "description": "How large it is to be, which may grow.", "properties": map[string]any{"requests": size},
					"x-kubernetes-preserve-unknown-fields": true,
				},
				"storageClassName": field("string", "Is kept, and has no effect here."),
				"volumeMode":       field("string", "Filesystem, for volumes are directories."), "volumeName": field("string", "The server's to say."),
			},
		},
		"status": map[string]any{"type": "object", "description": "What there is. The server's to say.", "x-kubernetes-preserve-unknown-fields": true},
	}
}

func priorityClassFields() map[string]any {
	return map[string]any{
		"value":         map[string]any{"type": "integer", "format": "int32", "description": "Priority: the higher, the earlier."},
		"description":   field("string", "For people."),
		"globalDefault": field("boolean", "Has no effect here."), "preemptionPolicy": field("string", "Has no effect here."),
	}
}
