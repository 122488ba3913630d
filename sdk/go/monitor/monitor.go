// Package monitor makes a plugin a monitor: func init() { monitor.Export(open) }.
package monitor

import (
	"assay"
	export "assay/internal/export_assay_plugin_observe"
	_ "assay/internal/gen/monitor" // what the host calls
)

// Export takes the function that opens the plugin. It is called in the first frame of an instance, reads the settings, and
// returns an error where one cannot be used.
func Export(open func() (assay.Monitor, error)) {
	export.Handler = assay.HandleObserve(open)
}
