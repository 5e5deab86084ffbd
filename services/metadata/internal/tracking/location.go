package tracking

import "strings"

// place is where artifacts of an experiment go unless its maker says otherwise:
// to the gateway, which serves them by MLflow's artifact proxy.
func place(namespace string, experiment int64) string {
	if namespace == defaultNamespace {
		return "mlflow-artifacts:/" + decimal(experiment)
	}
	return "mlflow-artifacts:/workspaces/" + namespace + "/" + decimal(experiment)
}

// under is a place below another: the path grows, not what follows it.
func under(location string, parts ...string) string {
	end := strings.IndexAny(location, "?#")
	if end < 0 {
		end = len(location)
	}
	return strings.TrimRight(location[:end], "/") + "/" + strings.Join(parts, "/") + location[end:]
}
