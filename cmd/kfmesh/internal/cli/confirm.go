package cli

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// confirm asks a question that has to be answered with yes, unless it has been
// answered by a flag.
func (s *Session) confirm(yes bool, question string) error {
	if yes {
		return nil
	}
	fmt.Fprintf(s.Term.Err, "%s [y/N] ", question)
	answer, err := bufio.NewReader(s.Term.In).ReadString('\n')
	if err != nil && answer == "" {
		fmt.Fprintln(s.Term.Err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return fault.Invalidf("--yes", "nothing was done: answer y, or give --yes")
}
