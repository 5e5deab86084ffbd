package container

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
)

// dockerHub is what Docker calls its own registry in configurations.
const dockerHub = "https://index.docker.io/v1/"

// authFor returns who to pull an image as, as the engine wants it: from the first
// of the secrets that knows its registry, or else from the node's own file. Empty
// means that nobody is known.
func (r *Runtime) authFor(image string, secrets [][]byte) (string, error) {
	configs := secrets
	if r.Registries != "" {
		data, err := os.ReadFile(r.Registries)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("registries: %w", err)
		}
		if err == nil {
			configs = append(append([][]byte{}, secrets...), data)
		}
	}
	for _, data := range configs {
		found, err := findAuth(data, image)
		if err != nil {
			return "", err
		}
		if found != nil {
			return authconfig.Encode(*found)
		}
	}
	return "", nil
}

// findAuth looks into a Docker config.json, which is also what a secret of type
// kubernetes.io/dockerconfigjson holds. The longest entry that the image is below counts.
func findAuth(data []byte, image string) (*registry.AuthConfig, error) {
	var config struct {
		Auths map[string]registry.AuthConfig `json:"auths"`
	}
	if err := json.Unmarshal(data, &config); err != nil { // its text may hold a password: not in the error
		return nil, errors.New("the credentials of registries are not JSON as Docker writes it")
	}
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return nil, err
	}
	best := ""
	for place := range config.Auths {
		if covers(place, named) && (best == "" || len(registryPath(place)) > len(registryPath(best))) {
			best = place
		}
	}
	if best == "" {
		return nil, nil
	}
	auth := config.Auths[best]
	if auth.Username == "" && auth.Auth != "" {
		if auth.Username, auth.Password, err = basic(auth.Auth); err != nil {
			return nil, fmt.Errorf("the credentials for %s: %w", best, err)
		}
	}
	auth.Auth, auth.ServerAddress = "", best
	return &auth, nil
}

func basic(text string) (user, password string, err error) {
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", "", errors.New("auth is not base64")
	}
	user, password, found := strings.Cut(string(plain), ":")
	if !found {
		return "", "", errors.New("auth is not user:password")
	}
	return user, strings.TrimRight(password, "\x00"), nil
}

// covers reports whether an entry is for an image: for its registry, or for a path of it.
func covers(place string, image reference.Named) bool {
	if place == dockerHub {
		return reference.Domain(image) == "docker.io"
	}
	_, inside := below(image.Name(), registryPath(place))
	return inside
}

// registryPath is an entry without what is a URL about it: "https://host/v1/" and "host" are the same.
func registryPath(place string) string {
	if _, rest, found := strings.Cut(place, "://"); found {
		place = rest
	}
	place = strings.TrimSuffix(place, "/")
	for _, version := range []string{"/v1", "/v2"} {
		place = strings.TrimSuffix(place, version)
	}
	return place
}
