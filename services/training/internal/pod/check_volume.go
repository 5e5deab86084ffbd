package pod

import (
	"fmt"
	"reflect"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// mostMode is the largest mode of a file.
const mostMode = 0o777

// volume says what is wrong with a volume, which has one source; without any it is an
// empty directory.
func (b *builder) volume(at string, v *Volume) {
	p := b.problems
	p.Name(at+".name", v.Name, field.Label)
	if v.sources() > 1 {
		p.Forbidden(at, "may not specify more than 1 volume type")
	}
	b.others(at, &v.Others)
	if s := v.Secret; s != nil {
		b.keyVolume(at+".secret", "secretName", s.SecretName, s)
	}
	if c := v.ConfigMap; c != nil {
		b.keyVolume(at+".configMap", "name", c.Name, c)
	}
	if c := v.Claim; c != nil && c.ClaimName == "" {
		p.Required(at+".persistentVolumeClaim.claimName", "")
	}
	if h := v.HostPath; h != nil {
		if h.Path == "" {
			p.Required(at+".hostPath.path", "")
		}
		b.forward(at+".hostPath.path", h.Path)
		b.oneOf(at+".hostPath.type", h.Type, pathTypes...)
	}
	if e := v.EmptyDir; e != nil && e.SizeLimit != "" {
		if _, ok := Quantity(string(e.SizeLimit), 1); !ok {
			b.problems.Invalid(at+".emptyDir.sizeLimit", string(e.SizeLimit), badQuantity)
		}
	}
}

// keyVolume says what is wrong with a secret or config map as files.
func (b *builder) keyVolume(at, nameField, name string, k *KeyVolume) {
	if name == "" {
		b.problems.Required(at+"."+nameField, "")
	}
	b.mode(at+".defaultMode", k.DefaultMode)
	for i, item := range k.Items {
		where := fmt.Sprintf("%s.items[%d]", at, i)
		if item.Key == "" {
			b.problems.Required(where+".key", "")
		}
		if item.Path == "" {
			b.problems.Required(where+".path", "")
		}
		b.below(where+".path", item.Path)
		b.mode(where+".mode", item.Mode)
	}
}

func (b *builder) mode(at string, mode *int32) {
	if mode != nil && (*mode < 0 || *mode > mostMode) {
		b.problems.Invalid(at, *mode, "must be a number between 0 and 0777 (octal), both inclusive")
	}
}

// sources counts the sources of a volume.
func (v *Volume) sources() int {
	n := 0
	for _, s := range []reflect.Value{reflect.ValueOf(*v), reflect.ValueOf(v.Others)} {
		for i := range s.NumField() {
			if kind := s.Field(i).Kind(); (kind == reflect.Pointer || kind == reflect.Map) && !s.Field(i).IsNil() {
				n++
			}
		}
	}
	return n
}
