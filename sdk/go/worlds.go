package assay

import (
	"assay/internal/gen/assay_plugin_detect"
	"assay/internal/gen/assay_plugin_imaging"
	"assay/internal/gen/assay_plugin_observe"
	"assay/internal/gen/assay_plugin_preprocess"
	"assay/internal/gen/assay_plugin_types"
	"assay/internal/wit/types"
)

type failure = assay_plugin_types.PluginError

// HandleDetect is for package detector.
func HandleDetect(
	open func() (Detector, error),
) func(assay_plugin_types.FrameInfo, assay_plugin_detect.Evidence) types.Result[assay_plugin_detect.Detection, failure] {
	kept := &slot[Detector]{open: open}
	return func(
		frame assay_plugin_types.FrameInfo, raw assay_plugin_detect.Evidence,
	) types.Result[assay_plugin_detect.Detection, failure] {
		evidence := Evidence{
			newImage(raw.Picture), tensorsFrom(raw.Inputs), tensorsFrom(raw.Outputs), attributesFrom(raw.Attributes),
		}
		return run(kept, func(plugin Detector) (assay_plugin_detect.Detection, error) {
			found, err := plugin.Detect(frameFrom(frame), evidence)
			if err == nil {
				err = (handedOver{}).checkImages(found.Images)
			}
			if err != nil {
				return assay_plugin_detect.Detection{}, err
			}
			return assay_plugin_detect.Detection{
				Findings: rawFindings(found.Findings), Images: rawImages(found.Images),
				Attributes: rawAttributes(found.Attributes),
			}, nil
		})
	}
}

// HandlePreprocess is for package preprocessor.
func HandlePreprocess(
	open func() (Preprocessor, error),
) func(assay_plugin_types.FrameInfo, *assay_plugin_imaging.Image) types.Result[assay_plugin_preprocess.Prepared, failure] {
	kept := &slot[Preprocessor]{open: open}
	return func(
		frame assay_plugin_types.FrameInfo, raw *assay_plugin_imaging.Image,
	) types.Result[assay_plugin_preprocess.Prepared, failure] {
		picture := newImage(raw)
		return run(kept, func(plugin Preprocessor) (assay_plugin_preprocess.Prepared, error) {
			made, err := plugin.Preprocess(frameFrom(frame), picture)
			if err != nil {
				return assay_plugin_preprocess.Prepared{}, err
			}
			return rawPrepared(made)
		})
	}
}

func rawPrepared(made Prepared) (assay_plugin_preprocess.Prepared, error) {
	handed, images := handedOver{}, made.Images
	if made.Picture != nil {
		images = append([]NamedImage{{"the frame's", made.Picture}}, images...)
	}
	err := handed.checkTensors(made.Tensors)
	if err == nil {
		err = handed.checkImages(images)
	}
	if err != nil {
		return assay_plugin_preprocess.Prepared{}, err
	}
	picture := types.None[*assay_plugin_imaging.Image]()
	if made.Picture != nil {
		picture = types.Some(rawImage(made.Picture))
	}
	return assay_plugin_preprocess.Prepared{
		Tensors: rawTensors(made.Tensors), Picture: picture, Images: rawImages(made.Images),
		Attributes: rawAttributes(made.Attributes),
	}, nil
}

// HandleObserve is for package monitor.
func HandleObserve(
	open func() (Monitor, error),
) func(assay_plugin_types.FrameInfo, assay_plugin_observe.Inspection) types.Result[assay_plugin_observe.Observation, failure] {
	kept := &slot[Monitor]{open: open}
	return func(
		frame assay_plugin_types.FrameInfo, raw assay_plugin_observe.Inspection,
	) types.Result[assay_plugin_observe.Observation, failure] {
		inspection := Inspection{
			Picture: newImage(raw.Picture), Verdict: raw.Verdict, Label: textOr(raw.Label),
			Probabilities: raw.Probabilities, Findings: findingsFrom(raw.Findings), Outputs: tensorsFrom(raw.Outputs),
			Attributes: attributesFrom(raw.Attributes),
		}
		return run(kept, func(plugin Monitor) (assay_plugin_observe.Observation, error) {
			seen, err := plugin.Observe(frameFrom(frame), inspection)
			if err != nil {
				return assay_plugin_observe.Observation{}, err
			}
			return assay_plugin_observe.Observation{
				Reports: rawReports(seen.Reports), Attributes: rawAttributes(seen.Attributes),
			}, nil
		})
	}
}

func rawReports(reports []Report) []assay_plugin_observe.Report {
	raw := make([]assay_plugin_observe.Report, len(reports))
	for at, report := range reports {
		raw[at] = assay_plugin_observe.Report{
			Feature: report.Feature, Statistic: report.Statistic, Value: report.Value, Threshold: report.Threshold,
			Drifted: report.Drifted, Window: report.Window, Attributes: rawAttributes(report.Attributes),
		}
	}
	return raw
}
