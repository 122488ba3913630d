// Finds pictures that are too bright or too dark.
package main

import (
	"fmt"

	"assay"
	"assay/detector"
	"assay/log"
	"assay/settings"
)

type plugin struct{ low, high float64 }

// Once per instance; a wrong value is an error that names the setting.
func open() (assay.Detector, error) {
	read, luma := settings.Read(), settings.Between(0, 255)
	low := read.Number("low", settings.Or(40.0), luma)
	high := read.Number("high", settings.Or(220.0), luma)
	return &plugin{low, high}, read.Err()
}

func (p *plugin) Detect(frame assay.Frame, evidence assay.Evidence) (assay.Detection, error) {
	mean := evidence.Picture.Statistics().Mean // luma, 0 to 255, computed by the host
	log.Debug("%s %d: mean luma %.1f", frame.Source, frame.Trigger, mean)
	answer := assay.Detection{Attributes: []assay.Attribute{assay.Attr("mean-luma", fmt.Sprintf("%.3f", mean))}}
	label := "too-bright"
	if mean < p.low {
		label = "too-dark"
	}
	if mean < p.low || mean > p.high {
		text := fmt.Sprintf("mean luma %.1f", mean)
		answer.Findings = []assay.Finding{{Label: label, Score: 1, Raised: true, Text: text}}
	}
	return answer, nil
}

func init() { detector.Export(open) }
func main() {}
