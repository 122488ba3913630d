use super::line::{Line, metric, wait_for, wait_for_inspections};
use super::receiver::Receiver;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use std::collections::BTreeMap;

fn spans(receiver: &Receiver) -> Vec<Span> {
    let requests = receiver.received();
    let decode = |body: &Vec<u8>| ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    let scopes = requests.iter().flat_map(|request| decode(&request.body).resource_spans);
    scopes.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
}

#[test]
fn an_inspection_is_a_trace_with_a_span_for_each_stage_and_plugin() {
    let receiver = Receiver::start(|_| 200);
    let mut line = Line::new(&format!("[telemetry]\notlp_endpoint = \"{}\"\n", receiver.address));
    let running = line.start();
    let spans = wait_for("the spans of a frame that went the whole way", || {
        // On a busy machine one may be too late to be detected on.
        line.give(1);
        let all = spans(&receiver);
        let whole = all.iter().find(|span| span.name == "plugin image-quality")?.trace_id.clone();
        Some(all.into_iter().filter(|span| span.trace_id == whole).collect::<Vec<_>>())
    });
    assert_eq!(receiver.received()[0].path, "/v1/traces");
    let named: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.name.as_str(), span)).collect();
    let root = named["inspection"];
    assert!(root.parent_span_id.iter().all(|byte| *byte == 0), "{root:?}");
    let parent = |child: &str, parent: &str| {
        let (child, parent) = (named[child], named[parent]);
        assert_eq!(child.parent_span_id, parent.span_id, "{} below {}", child.name, parent.name);
        assert_eq!(child.trace_id, root.trace_id);
        assert!(child.start_time_unix_nano >= parent.start_time_unix_nano, "{child:?}");
    };
    for stage in ["decode", "preprocess", "infer", "detect", "decide", "journal"] {
        parent(stage, "inspection");
    }
    for (plugin, stage) in [("letterbox", "preprocess"), ("adv-squeeze", "detect"), ("image-quality", "detect")] {
        parent(&format!("plugin {plugin}"), stage);
    }
    let frame = root.attributes.iter().find(|about| about.key == "assay.frame").unwrap();
    assert!(format!("{frame:?}").contains("test-1-"), "{frame:?}");
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn a_collector_that_is_away_costs_traces_and_nothing_else() {
    let mut line = Line::new("[telemetry]\notlp_endpoint = \"http://127.0.0.1:9\"\n");
    let running = line.start();
    line.give(3);
    wait_for_inspections(&running, 3.0);
    wait_for("dropped traces", || (metric(&running, "assay_traces_dropped_total") >= 1.0).then_some(()));
    assert_eq!(running.end().unwrap(), Some(0));
}
