package kube

import (
	"io"
	"net/http"
	"runtime"
	"slices"
)

// kubernetesVersion is the version whose API this speaks.
const kubernetesVersion = "v1.34.0"

// verbs are what can be done with every resource.
var verbs = []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}

// readVerbs are what can be done with one that is only looked at.
var readVerbs = []string{"get", "list", "watch"}

// table is all resources, for those who ask what there is.
type table struct {
	resources []Resource
	version   string
}

// discover adds the paths by which clients find out what there is.
func (t *table) discover(mux *http.ServeMux) {
	serve := func(path string, value Object) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, value) })
	}
	version := Object{
		"major": "1", "minor": "34", "gitVersion": kubernetesVersion + "+kfmesh." + t.version, "gitCommit": "", "gitTreeState": "clean",
		"buildDate": "1970-01-01T00:00:00Z", "goVersion": runtime.Version(), "compiler": runtime.Compiler, "platform": runtime.GOOS + "/" + runtime.GOARCH,
	}
	serve("/version", version)
	serve("/version/{$}", version)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	serve("/api", Object{"kind": "APIVersions", "versions": []string{"v1"}, "serverAddressByClientCIDRs": []any{}})
	serve("/api/v1", t.list("", "v1"))
	groups := []any{}
	for _, group := range t.groups() {
		described := t.group(group)
		groups = append(groups, described)
		one := Object{"apiVersion": "v1", "kind": "APIGroup"}
		for name, value := range described {
			one[name] = value
		}
		serve("/apis/"+group, one)
		for _, version := range t.versions(group) {
			serve("/apis/"+group+"/"+version, t.list(group, version))
		}
	}
	serve("/apis", Object{"apiVersion": "v1", "kind": "APIGroupList", "groups": groups})
}

func (t *table) groups() []string {
	var groups []string
	for _, r := range t.resources {
		if r.Group != "" && !slices.Contains(groups, r.Group) {
			groups = append(groups, r.Group)
		}
	}
	return groups
}

// versions are those of a group, the preferred one first.
func (t *table) versions(group string) []string {
	var versions []string
	for _, r := range t.resources {
		if r.Group == group && !slices.Contains(versions, r.Version) {
			versions = append(versions, r.Version)
		}
	}
	return versions
}

func (t *table) group(group string) Object {
	versions := []any{}
	for _, version := range t.versions(group) {
		versions = append(versions, Object{"groupVersion": group + "/" + version, "version": version})
	}
	return Object{"name": group, "versions": versions, "preferredVersion": versions[0]}
}

// list describes the resources of a version.
func (t *table) list(group, version string) Object {
	resources := []any{}
	for _, r := range t.resources {
		if r.Group != group || r.Version != version {
			continue
		}
		may := verbs
		if r.ReadOnly {
			may = readVerbs
		}
		described := Object{
			"name": r.Plural, "singularName": r.Singular, "namespaced": !r.Cluster, "kind": r.Kind, "verbs": may,
		}
		if !r.Cluster && !r.Happenings && !r.Aside {
			described["categories"] = []string{"all"}
		}
		if len(r.Short) > 0 {
			described["shortNames"] = r.Short
		}
		resources = append(resources, described, Object{
			"name": r.Plural + "/status", "singularName": "", "namespaced": !r.Cluster, "kind": r.Kind, "verbs": []string{"get"},
		})
		if r.Scale != nil {
			resources = append(resources, Object{
				"name": r.Plural + "/scale", "singularName": "", "namespaced": !r.Cluster, "kind": "Scale",
				"group": "autoscaling", "version": "v1", "verbs": []string{"get", "patch", "update"},
			})
		}
	}
	of := Resource{Group: group, Version: version}
	return Object{"apiVersion": "v1", "kind": "APIResourceList", "groupVersion": of.APIVersion(), "resources": resources}
}
