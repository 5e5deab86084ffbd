package follow

// Silent shows nothing, for programs that only want the end.
type Silent struct{}

// Show does nothing.
func (Silent) Show(Snapshot) {}

// Tick does nothing.
func (Silent) Tick() {}

// Lost does nothing.
func (Silent) Lost(error) {}

// Close does nothing.
func (Silent) Close() {}
