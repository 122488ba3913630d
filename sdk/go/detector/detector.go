// Package detector makes a plugin a detector: func init() { detector.Export(open) }.
package detector

import (
	"assay"
	export "assay/internal/export_assay_plugin_detect"
	_ "assay/internal/gen/detector" // what the host calls
)

// Export takes the function that opens the plugin. It is called in the first frame of an instance, reads the settings, and
// returns an error where one cannot be used.
func Export(open func() (assay.Detector, error)) {
	export.Handler = assay.HandleDetect(open)
}
