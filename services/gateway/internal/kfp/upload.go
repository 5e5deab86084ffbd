package kfp

import (
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

const (
	// fileField is the multipart field that holds the file.
	fileField = "uploadfile"
	// maxFileBytes is the largest file.
	maxFileBytes = 32 << 20
	// maxDrainBytes is how much of a refused upload is read before the answer:
	// a client that still sends would see a broken connection, not the answer.
	maxDrainBytes = 256 << 20
)

// uploads are the multipart calls.
type uploads struct {
	pipelines pipelinev1.PipelineServiceClient
}

func (u uploads) pipeline(w http.ResponseWriter, r *http.Request) {
	f, query, err := receive(r)
	if err != nil {
		writeError(w, err)
		return
	}
	p, err := u.pipelines.UploadPipeline(r.Context(), &pipelinev1.UploadPipelineRequest{
		Name:          query.Get("name"),
		DisplayName:   query.Get("display_name"),
		Description:   query.Get("description"),
		Namespace:     query.Get("namespace"),
		CodeSourceUrl: query.Get("code_source_url"),
		Tags:          f.tags,
		FileName:      f.name,
		Content:       f.content,
	})
	if err != nil {
		writeError(w, err)
		return
	}
	writeMessage(w, p)
}

func (u uploads) version(w http.ResponseWriter, r *http.Request) {
	f, query, err := receive(r)
	if err != nil {
		writeError(w, err)
		return
	}
	v, err := u.pipelines.UploadPipelineVersion(r.Context(), &pipelinev1.UploadPipelineVersionRequest{
		PipelineId:    query.Get("pipelineid"),
		Name:          query.Get("name"),
		DisplayName:   query.Get("display_name"),
		Description:   query.Get("description"),
		CodeSourceUrl: query.Get("code_source_url"),
		Tags:          f.tags,
		FileName:      f.name,
		Content:       f.content,
	})
	if err != nil {
		writeError(w, err)
		return
	}
	writeMessage(w, v)
}

// file is what an upload brought.
type file struct {
	name    string
	content []byte
	tags    map[string]string
}

// receive reads an upload.
func receive(r *http.Request) (file, url.Values, error) {
	query := r.URL.Query()
	f, err := readFile(r)
	if err != nil {
		_, _ = io.CopyN(io.Discard, r.Body, maxDrainBytes)
		return file{}, nil, err
	}
	if tags := query.Get("tags"); tags != "" {
		if err := json.Unmarshal([]byte(tags), &f.tags); err != nil {
			return file{}, nil, fault.Invalidf("tags", `%q is not a JSON mapping of text to text, such as {"team":"vision"}`, tags)
		}
	}
	return f, query, nil
}

// readFile finds the file among the parts of the body.
func readFile(r *http.Request) (file, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return file{}, fault.Invalidf("", "the body is not multipart/form-data: %v", err)
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return file{}, fault.Invalidf(fileField, "is missing; send the pipeline as the multipart field %q", fileField)
		}
		if err != nil {
			return file{}, fault.Invalidf("", "the multipart body ends early or is malformed: %v", err)
		}
		if part.FormName() == fileField {
			return readPart(part)
		}
	}
}

func readPart(part *multipart.Part) (file, error) {
	content, err := io.ReadAll(io.LimitReader(part, maxFileBytes+1))
	if err != nil {
		return file{}, fault.Invalidf(fileField, "could not be read to its end: %v", err)
	}
	if len(content) > maxFileBytes {
		return file{}, fault.Invalidf(fileField, "is larger than %d MiB, the most a pipeline may be", maxFileBytes>>20)
	}
	return file{name: part.FileName(), content: content}, nil
}
