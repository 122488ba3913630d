// Package preprocessor makes a plugin a preprocessor: func init() { preprocessor.Export(open) }.
package preprocessor

import (
	"assay"
	export "assay/internal/export_assay_plugin_preprocess"
	_ "assay/internal/gen/preprocessor" // what the host calls
)

// Export takes the function that opens the plugin. It is called in the first frame of an instance, reads the settings, and
// returns an error where one cannot be used.
func Export(open func() (assay.Preprocessor, error)) {
	export.Handler = assay.HandlePreprocess(open)
}
