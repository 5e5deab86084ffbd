// Package output is how the command line speaks: tables, JSON and YAML, ages
// and durations for people, and colour where a terminal shows it.
//
// Nothing here knows a resource or a service; everything but Terminal is pure.
package output

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// fallbackWidth and fallbackHeight are assumed where the size cannot be had.
const (
	fallbackWidth  = 120
	fallbackHeight = 24
)

// Terminal is where a command reads and writes, and what that place can show.
type Terminal struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	// Now tells the time; tests give a fixed one.
	Now func() time.Time
	// Live says that Out is a terminal on which lines can be redrawn.
	Live bool
	// Colour says that Out shows colours.
	Colour bool
	// Size returns columns and rows of Out.
	Size func() (width, height int)
}

// Standard is the process's own terminal: colours only where standard output is
// a terminal and NO_COLOR is unset (no-color.org) and TERM is not "dumb".
func Standard() *Terminal {
	live := term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("TERM") != "dumb"
	return &Terminal{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Now:    time.Now,
		Live:   live,
		Colour: live && os.Getenv("NO_COLOR") == "",
		Size:   standardSize,
	}
}

func standardSize() (width, height int) {
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return fallbackWidth, fallbackHeight
	}
	return width, height
}

// Captured is a terminal for output that goes to a file or a test: neither
// live nor coloured.
func Captured(out, err io.Writer, now func() time.Time) *Terminal {
	return &Terminal{
		Out: out, Err: err, Now: now,
		Size: func() (int, int) { return fallbackWidth, fallbackHeight },
	}
}

// Paint returns text in a style if the terminal shows colours.
func (t *Terminal) Paint(style Style, text string) string {
	if !t.Colour {
		return text
	}
	return style.apply(text)
}
