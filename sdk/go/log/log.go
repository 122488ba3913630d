// Package log writes lines to the station's log, under the plugin's name. Needs the capability log. Lines are bounded in
// number and length by the plugin's limits.
package log

import (
	"fmt"

	"assay/internal/gen/assay_plugin_log"
)

// Debug is a line for the author while a plugin is being written.
func Debug(format string, values ...any) {
	assay_plugin_log.Log(assay_plugin_log.LevelDebug, fmt.Sprintf(format, values...))
}

// Info is a line for the station engineer.
func Info(format string, values ...any) {
	assay_plugin_log.Log(assay_plugin_log.LevelInfo, fmt.Sprintf(format, values...))
}

// Warn is a line about something that is not as it should be.
func Warn(format string, values ...any) {
	assay_plugin_log.Log(assay_plugin_log.LevelWarn, fmt.Sprintf(format, values...))
}

// Error is a line about something that failed.
func Error(format string, values ...any) {
	assay_plugin_log.Log(assay_plugin_log.LevelError, fmt.Sprintf(format, values...))
}
