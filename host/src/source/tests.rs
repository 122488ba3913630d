#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Long enough for any machine; no test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn arrival(bytes: usize) -> Arrival {
    Arrival {
        source: "test".to_owned(),
        origin: None,
        product: None,
        serial: None,
        trigger: None,
        captured_at_us: 0,
        payload: Ok(vec![0; bytes].into()),
        simulated: false,
        receipt: None,
    }
}

#[test]
fn the_queue_takes_no_more_bytes_than_its_budget() {
    let (out, arrivals, _lost) = queue(QueueLimits { frames: 10, bytes: 100 });
    assert!(out.offer(arrival(60)).is_ok());
    assert_eq!(out.offer(arrival(41)), Err(Refused::Full));
    assert!(out.offer(arrival(40)).is_ok());
    let first = arrivals.recv().unwrap();
    assert!(out.offer(arrival(60)).is_err(), "what a lane has taken counts until it is settled");
    drop(first);
    assert!(out.offer(arrival(60)).is_ok());
}

#[test]
fn the_queue_takes_no_more_frames_than_its_limit() {
    let (out, _arrivals, _lost) = queue(QueueLimits { frames: 2, bytes: 100 });
    assert!(out.offer(arrival(1)).is_ok() && out.offer(arrival(1)).is_ok());
    assert_eq!(out.offer(arrival(1)), Err(Refused::Full));
}

#[test]
fn a_picture_larger_than_the_whole_budget_passes_alone() {
    let (out, arrivals, _lost) = queue(QueueLimits { frames: 10, bytes: 100 });
    assert!(out.offer(arrival(1000)).is_ok());
    assert!(out.offer(arrival(1)).is_err());
    drop(arrivals.recv().unwrap());
    assert!(out.offer(arrival(1)).is_ok());
}

#[test]
fn sending_waits_for_bytes_and_ends_at_a_stop() {
    let (out, arrivals, _lost) = queue(QueueLimits { frames: 10, bytes: 100 });
    let stop = StopFlag::new();
    let sender = thread::spawn({
        let (out, stop) = (out.clone(), stop.clone());
        move || (out.send(arrival(80), &stop), out.send(arrival(80), &stop), out.send(arrival(80), &stop))
    });
    drop(arrivals.recv_timeout(PATIENCE).unwrap());
    let _second = arrivals.recv_timeout(PATIENCE).unwrap();
    stop.stop();
    let (first, second, third) = sender.join().unwrap();
    assert!(first.is_continue() && second.is_continue() && third.is_break());
}

#[test]
fn a_receipt_that_is_dropped_says_so_and_one_that_is_wrapped_tells_both() {
    let (told_in, told) = mpsc::channel();
    let (first, second) = (told_in.clone(), told_in);
    let receipt = Receipt::new(move |settlement| second.send(("source", settlement.is_some())).unwrap());
    drop(receipt.also(move |settlement| first.send(("first", settlement.is_some())).unwrap()));
    assert_eq!(told.iter().collect::<Vec<_>>(), [("first", false), ("source", false)]);
}
