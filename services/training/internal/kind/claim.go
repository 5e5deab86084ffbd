package kind

import trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"

// Claim is a volume that is made for a job before it begins. All pods that mount a volume of its
// name share it.
type Claim struct {
	Volume              string // by which containers mount it
	Labels, Annotations map[string]string
	SizeBytes           int64
	AccessModes         []string
	StorageClass        string
	Retained            bool // stays when the job is deleted
}

// Name is what the volume is called that is made for a job, as JobSet calls it.
func (c *Claim) Name(job string) string { return c.Volume + "-" + job }

func (c *Claim) spec(job string) *trainingv1.JobClaim {
	return &trainingv1.JobClaim{
		Name: c.Name(job), Labels: c.Labels, Annotations: c.Annotations, SizeBytes: c.SizeBytes,
		AccessModes: c.AccessModes, StorageClass: c.StorageClass, Retained: c.Retained,
	}
}

// ClaimNames are the names of volumes that are made for a job, by the names that containers
// mount them by.
func ClaimNames(all []Claim, job string) map[string]string {
	if len(all) == 0 {
		return nil
	}
	names := make(map[string]string, len(all))
	for i := range all {
		names[all[i].Volume] = all[i].Name(job)
	}
	return names
}

// ClaimNames are those of the job.
func (j *Job) ClaimNames() map[string]string { return ClaimNames(j.Claims, j.Name) }
