// Finds pictures that are too bright or too dark.

import { detector, log, settings } from 'assay';
import type { Detection, Detector, Evidence, Frame } from 'assay';

class Plugin implements Detector {
  // Read once per instance; a wrong value is an error that names the setting.
  private readonly low = settings.number('low', { default: 40, low: 0, high: 255 });
  private readonly high = settings.number('high', { default: 220, low: 0, high: 255 });

  detect(frame: Frame, evidence: Evidence): Detection {
    const mean = evidence.picture.statistics().mean; // luma, 0 to 255, computed by the host
    log.debug(`${frame.source} ${frame.trigger}: mean luma ${mean.toFixed(1)}`);
    const raised = mean < this.low || mean > this.high;
    const label = mean < this.low ? 'too-dark' : 'too-bright';
    const finding = { label, score: 1, raised, text: `mean luma ${mean.toFixed(1)}` };
    return { findings: raised ? [finding] : [], attributes: { 'mean-luma': mean.toFixed(3) } };
  }
}

export const detect = detector(Plugin);
