package kube

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// protobufMedia is the type of bodies that clients built with Kubernetes' own types send of
// those, such as `kubectl create configmap`.
const protobufMedia = "application/vnd.kubernetes.protobuf"

// protobufMagic is what such a body begins with; a runtime.Unknown follows.
var protobufMagic = []byte("k8s\x00")

// Message says by their numbers which fields a message of Kubernetes' has, as far as they
// are read. The numbers are those of its .proto files.
type Message map[protowire.Number]Field

// Field is a field of a message. One that says nothing else is text.
type Field struct {
	Name    string
	Message Message // of a field that is one
	Map     bool    // of text, or of bytes when Bytes is set, by text
	Bytes   bool    // which are written in base64
	Bool    bool
	Int     bool
}

// MetadataField is that of the metadata, as far as a client sets it.
func MetadataField() Field {
	return Field{Name: "metadata", Message: Message{
		1: {Name: "name"}, 2: {Name: "generateName"}, 3: {Name: "namespace"}, 5: {Name: "uid"}, 6: {Name: "resourceVersion"},
		11: {Name: "labels", Map: true}, 12: {Name: "annotations", Map: true},
	}}
}

// unknown is the envelope, and typeMeta what it says of the message inside.
const (
	unknownTypeMeta = 1
	unknownRaw      = 2
)

// decodeProtobuf reads a body in Kubernetes' protobuf.
func decodeProtobuf(data []byte, of Message) (Object, error) {
	if of == nil {
		return nil, &mediaError{"application/json, application/yaml", protobufMedia}
	}
	rest, ok := bytes.CutPrefix(data, protobufMagic)
	if !ok {
		return nil, badRequest("the body does not begin as protobuf of Kubernetes does")
	}
	var object Object
	head := map[string]any{}
	err := eachField(rest, func(n protowire.Number, value []byte, _ uint64) error {
		var err error
		switch n {
		case unknownTypeMeta:
			head, err = readMessage(value, Message{1: {Name: "apiVersion"}, 2: {Name: "kind"}})
		case unknownRaw:
			object, err = readMessage(value, of)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if object == nil {
		object = Object{}
	}
	object["apiVersion"], object["kind"] = head["apiVersion"], head["kind"]
	return object, nil
}

// eachField calls told with every field of a message: with its bytes, or its number.
func eachField(data []byte, told func(n protowire.Number, value []byte, number uint64) error) error {
	for len(data) > 0 {
		n, kind, length := protowire.ConsumeTag(data)
		if length < 0 {
			return badRequest("the body is no protobuf")
		}
		data = data[length:]
		var value []byte
		var number uint64
		switch kind {
		case protowire.BytesType:
			value, length = protowire.ConsumeBytes(data)
		case protowire.VarintType:
			number, length = protowire.ConsumeVarint(data)
		default:
			length = protowire.ConsumeFieldValue(n, kind, data)
		}
		if length < 0 {
			return badRequest("the body is no protobuf")
		}
		data = data[length:]
		if err := told(n, value, number); err != nil {
			return err
		}
	}
	return nil
}

func readMessage(data []byte, of Message) (map[string]any, error) {
	out := map[string]any{}
	err := eachField(data, func(n protowire.Number, value []byte, number uint64) error {
		f, known := of[n]
		switch {
		case !known || f.empty(value, number):
			return nil
		case f.Message != nil:
			inner, err := readMessage(value, f.Message)
			out[f.Name] = inner
			return err
		case f.Map:
			return f.readEntry(out, value)
		}
		out[f.Name] = f.scalar(value, number)
		return nil
	})
	return out, err
}

// empty reports whether a field says nothing: such fields are sent, and mean that they were
// left out.
func (f Field) empty(value []byte, number uint64) bool {
	switch {
	case f.Map, f.Message != nil, f.Int:
		return false
	case f.Bool:
		return number == 0
	}
	return len(value) == 0
}

func (f Field) scalar(value []byte, number uint64) any {
	switch {
	case f.Bool:
		return number != 0
	case f.Int:
		return json.Number(strconv.FormatInt(int64(number), 10)) // #nosec G115 -- as protobuf has it: two's complement
	case f.Bytes:
		return base64.StdEncoding.EncodeToString(value)
	}
	return string(value)
}

// readEntry adds an entry of a map.
func (f Field) readEntry(to map[string]any, entry []byte) error {
	values, ok := to[f.Name].(map[string]any)
	if !ok {
		values = map[string]any{}
		to[f.Name] = values
	}
	key, value := "", []byte(nil)
	err := eachField(entry, func(n protowire.Number, part []byte, _ uint64) error {
		switch n {
		case 1:
			key = string(part)
		case 2:
			value = part
		}
		return nil
	})
	values[key] = Field{Bytes: f.Bytes}.scalar(value, 0)
	return err
}
