package supervise

import "syscall"

// Exec has the calling process become the program of a spec, of which Args and Env
// count. It returns only when that cannot be, with an exit status as shells have
// it and a sentence.
func Exec(spec Spec) (code int, message string) {
	program, err := LookPath(spec)
	if err == nil {
		err = syscall.Exec(program, spec.Args, spec.Env)
	}
	return StartFailure(spec, err)
}
