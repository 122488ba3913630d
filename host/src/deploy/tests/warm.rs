//! A candidate with a warm plugin.

use super::plant::Plant;
use crate::domain::DeployState::Committed;
use crate::domain::{BufferPool, Capability, Digest, PluginKind, PluginLimits, Settings, WarmEvent, WarmRules};
use crate::plugin::{AdmittedPlugin, PluginHost, PluginHostOptions, PluginSource, WIT_PACKAGE, idle_component};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The monitor of the last recipe whose behaviour is "warm".
static WARM: Mutex<Option<Arc<AdmittedPlugin>>> = Mutex::new(None);

/// A plugin that answers nothing, and keeps its instances.
pub fn monitor() -> Arc<AdmittedPlugin> {
    let options = PluginHostOptions { cache: None, caps: PluginLimits::default(), pool: BufferPool::new(0, 0) };
    let component: Arc<[u8]> = idle_component(PluginKind::Monitor).unwrap().into();
    let source = PluginSource {
        name: "idle".into(),
        kind: PluginKind::Monitor,
        digest: Digest::of(&component),
        component,
        wit: WIT_PACKAGE.into(),
        asked: vec![Capability::Imaging],
        granted: vec![Capability::Imaging],
        limits: PluginLimits::default(),
        warm: Some(WarmRules::default()),
        settings: Settings::new(),
        labels: vec![],
        reference: None,
        models: BTreeMap::new(),
    };
    let plugin = PluginHost::new(options).unwrap().admit(source).unwrap();
    *WARM.lock().unwrap() = Some(Arc::clone(&plugin));
    plugin
}

#[test]
fn no_instance_from_before_the_trial_sees_a_frame_of_the_line() {
    let plant = Plant::new();
    let running = plant.start();
    let deployment = running.settled(&plant.recipe("1.1.0", "warm"), false);
    assert_eq!(deployment.state, Committed, "{:?}", deployment.outcome);
    let plugin = WARM.lock().unwrap().take().unwrap();
    let booked = |event| plugin.warm_counts().unwrap().get(event);
    assert_eq!((booked(WarmEvent::Made), booked(WarmEvent::LetGo)), (2, 1), "the one that admission made is gone");
}
