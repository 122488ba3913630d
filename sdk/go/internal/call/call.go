// Package call knows what belongs to the call in progress: a handle does not outlive it.
package call

// Handle is something that the host holds for the plugin.
type Handle interface {
	Drop()
}

// A map, so that a loop that closes what it makes does not pile them up.
var open = map[Handle]struct{}{}

// Opened remembers a handle until it is closed or the call ends. Because it is referred to from here, the collector
// never drops one: that could happen while the host waits for memory, when nothing of the host may be called.
func Opened(handle Handle) {
	open[handle] = struct{}{}
}

// Close releases a handle, unless somebody else has it by now.
func Close(handle Handle) {
	delete(open, handle)
	handle.Drop()
}

// End releases what is left.
func End() {
	for handle := range open {
		handle.Drop()
	}
	clear(open)
}
