package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"path"
	"time"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// fetchPatience is how long the server of a package may take in all.
const fetchPatience = time.Minute

const packageURL = "pipeline_version.package_url.pipeline_url"

// specOf is the spec of a version that is to be stored: the one in the request,
// or the one at its package_url.
func (s *pipelines) specOf(ctx context.Context, asked *pipelinev1.PipelineVersion) (*spec, error) {
	switch {
	case asked.GetPipelineSpec() != nil:
		return checkSpec(asked.GetPipelineSpec())
	case asked.GetPackageUrl().GetPipelineUrl() != "":
		return fetch(ctx, asked.GetPackageUrl().GetPipelineUrl())
	}
	return nil, fault.Invalidf("pipeline_version.pipeline_spec",
		"is missing; want the compiled pipeline, or package_url where it is to be fetched from, or upload it as a file")
}

// fetch reads the package at a URL. Whoever may ask for it may run commands here
// as well, so what it can reach is no secret from them.
func fetch(ctx context.Context, location string) (*spec, error) {
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fault.Invalidf(packageURL, "%q is not an http or https URL", location)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchPatience)
	defer cancel()
	content, err := download(ctx, u)
	if err != nil {
		return nil, err
	}
	return unpack(path.Base(u.Path), content)
}

func download(ctx context.Context, from *url.URL) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, fault.Invalidf(packageURL, "%q cannot be asked for", from.Redacted()).WithCause(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fault.Invalidf(packageURL, "%s does not answer", from.Redacted()).WithCause(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fault.Invalidf(packageURL, "%s answers %s", from.Redacted(), response.Status)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, maxSpecBytes+1))
	if err != nil {
		return nil, fault.Invalidf(packageURL, "%s could not be read to its end", from.Redacted()).WithCause(err)
	}
	if len(content) > maxSpecBytes {
		return nil, fault.Invalidf(packageURL, "what is at %s is larger than %d MiB, the most a pipeline may be", from.Redacted(), maxSpecBytes>>20)
	}
	return content, nil
}
