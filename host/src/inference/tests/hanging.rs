//! Sessions and runs that hang: the pool and the watchdog.

use super::super::pool::{After, Exhausted, Pool};
use super::super::watchdog::{Cancel, Watchdog};
use super::*;
use std::sync::mpsc;

#[test]
fn a_panic_while_all_slots_are_shown_loses_none() {
    let pool = Pool::new(vec![1, 2], || None);
    let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.all(|_| -> Result<(), ()> { panic!() })));
    assert!(shown.is_err());
    assert!(pool.with(Instant::now(), |_| true, |_| ((), After::Free)).is_ok());
}

#[test]
fn a_slot_has_one_user_at_a_time_and_waiting_ends_at_the_deadline() {
    let pool = Pool::new(vec![1u8], || None);
    let inner =
        pool.with(soon(), |_| true, |_| (pool.with(Instant::now(), |_| true, |_| ((), After::Free)), After::Free));
    assert_eq!(inner.unwrap().unwrap_err(), Exhausted { all_hang: false });
    assert_eq!(pool.with(Instant::now(), |_| true, |slot| (*slot, After::Free)).unwrap(), 1);
}

#[test]
fn a_slot_that_is_still_at_work_is_not_used_again_before_it_is_idle() {
    let pool = Pool::new(vec![7u8], || None);
    pool.with(soon(), |_| true, |_| ((), After::Park)).unwrap();
    let busy = pool.with(Instant::now(), |_| false, |_| ((), After::Free));
    assert_eq!(busy.unwrap_err(), Exhausted { all_hang: true });
    assert_eq!(pool.with(soon(), |_| true, |slot| (*slot, After::Free)).unwrap(), 7);
}

#[test]
fn a_slot_whose_run_panicked_is_parked() {
    let pool = Pool::new(vec![()], || None);
    let run = std::panic::AssertUnwindSafe(|| pool.with(soon(), |()| true, |()| -> ((), After) { panic!("boom") }));
    assert!(std::panic::catch_unwind(run).is_err());
    let busy = pool.with(Instant::now(), |()| false, |()| ((), After::Free));
    assert_eq!(busy.unwrap_err(), Exhausted { all_hang: true });
}

/// Runs `work` on a thread of its own that hangs in the pool's slot until the test lets go of the sender.
fn hang(pool: &Arc<Pool<u8>>) -> (mpsc::Sender<()>, std::thread::JoinHandle<u8>) {
    let (open, opened) = mpsc::channel::<()>();
    let (inside, entered) = mpsc::channel();
    let pool = Arc::clone(pool);
    let thread = std::thread::spawn(move || {
        let work = |slot: &mut u8| {
            inside.send(()).unwrap();
            let _ = opened.recv();
            (*slot, After::Free)
        };
        pool.with(Instant::now(), |_| true, work).unwrap()
    });
    entered.recv().unwrap();
    (open, thread)
}

#[test]
fn a_slot_that_hangs_is_written_off_and_another_is_made() {
    let made = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&made);
    let pool = Arc::new(Pool::new(vec![1u8], move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Some(2)
    }));
    let (open, thread) = hang(&pool);
    for _ in 0..3 {
        assert_eq!(pool.with(soon(), |_| true, |slot| (*slot, After::Free)).unwrap(), 2, "others go on");
    }
    assert_eq!(made.load(Ordering::SeqCst), 1);
    drop(open);
    assert_eq!(thread.join().unwrap(), 1);
    let second = |_: &mut u8| (pool.with(Instant::now(), |_| true, |_| ((), After::Free)), After::Free);
    let inner = pool.with(soon(), |_| true, second);
    assert_eq!(inner.unwrap().unwrap_err(), Exhausted { all_hang: false }, "the slot that came back is not one more");
}

#[test]
fn slots_that_hang_are_bounded() {
    let pool = Arc::new(Pool::new(vec![0u8], || Some(0)));
    let mut hung = Vec::new();
    // The first and four made in its place.
    for _ in 0..5 {
        until(|| pool.with(Instant::now(), |_| true, |_| ((), After::Free)).is_ok());
        hung.push(hang(&pool));
    }
    let refused = pool.with(soon(), |_| true, |_| ((), After::Free));
    assert_eq!(
        refused.unwrap_err(),
        Exhausted { all_hang: true },
        "the fifth is not written off: long before the deadline"
    );
    for (open, thread) in hung {
        drop(open);
        thread.join().unwrap();
    }
    pool.with(soon(), |_| true, |_| ((), After::Free)).unwrap();
}

#[test]
fn a_parked_slot_that_does_not_become_idle_is_written_off_and_used_again_or_dropped_once_it_is() {
    let pool = Pool::new(vec![1u8], || Some(2));
    pool.with(soon(), |_| true, |_| ((), After::Park)).unwrap();
    let first_hangs = |slot: &mut u8| *slot != 1;
    assert_eq!(pool.with(soon(), first_hangs, |slot| (*slot, After::Free)).unwrap(), 2, "another was made");
    // The only one at work while the first is idle again: one at a time runs, and the first is let go.
    let inner = |_: &mut u8| (pool.with(Instant::now(), |_| true, |slot| (*slot, After::Free)), After::Free);
    assert_eq!(pool.with(soon(), |_| true, inner).unwrap().unwrap_err(), Exhausted { all_hang: false });

    let pool = Pool::new(vec![1u8], || None);
    pool.with(soon(), |_| true, |_| ((), After::Park)).unwrap();
    let refused = pool.with(soon(), |_| false, |_| ((), After::Free));
    assert_eq!(refused.unwrap_err(), Exhausted { all_hang: true }, "none could be made");
    assert_eq!(pool.with(soon(), |_| true, |slot| (*slot, After::Free)).unwrap(), 1, "it is idle after all");
}

#[test]
fn where_no_slot_can_be_made_the_pool_refuses_and_takes_the_old_one_back() {
    let pool = Arc::new(Pool::new(vec![3u8], || None));
    let (open, thread) = hang(&pool);
    let refused = pool.with(soon(), |_| true, |_| ((), After::Free));
    assert_eq!(refused.unwrap_err(), Exhausted { all_hang: true }, "long before the deadline");
    drop(open);
    thread.join().unwrap();
    assert_eq!(pool.with(soon(), |_| true, |slot| (*slot, After::Free)).unwrap(), 3);
}

fn until(met: impl Fn() -> bool) {
    let start = Instant::now();
    while !met() {
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::yield_now();
    }
}

/// Hangs until the test lets go.
struct Stuck(std::sync::Mutex<mpsc::Receiver<()>>, mpsc::Sender<()>);

impl Cancel for Stuck {
    fn cancel(&self) {
        self.1.send(()).unwrap();
        let _ = self.0.lock().unwrap().recv();
    }
}

#[test]
fn a_cancellation_that_hangs_keeps_nobody_else_waiting() {
    let (open, opened) = mpsc::channel();
    let (inside, entered) = mpsc::channel();
    let watchdog = Watchdog::start().unwrap();
    let stuck = watchdog.arm(Instant::now(), Arc::new(Stuck(std::sync::Mutex::new(opened), inside)));
    entered.recv().unwrap();
    let (send, _receive) = mpsc::channel();
    assert!(!watchdog.arm(soon(), Arc::new(Signal(send, "other"))).end(), "this would wait for ever");
    drop(open);
    assert!(stuck.end());
}

struct Signal(mpsc::Sender<&'static str>, &'static str);

impl Cancel for Signal {
    fn cancel(&self) {
        let _ = self.0.send(self.1);
    }
}

#[test]
fn the_watchdog_cancels_at_the_deadline_also_where_a_later_one_came_first() {
    let (send, receive) = mpsc::channel();
    let watchdog = Watchdog::shared().unwrap();
    let late = watchdog.arm(soon(), Arc::new(Signal(send.clone(), "late")));
    let early = watchdog.arm(Instant::now() + Duration::from_millis(5), Arc::new(Signal(send, "early")));
    assert_eq!(receive.recv_timeout(Duration::from_secs(30)).unwrap(), "early");
    assert!(early.end(), "the watch knows that it cancelled");
    assert!(!late.end());
}

#[test]
fn a_watch_that_ended_cancels_nothing() {
    let (send, receive) = mpsc::channel();
    let watchdog = Watchdog::shared().unwrap();
    assert!(!watchdog.arm(soon(), Arc::new(Signal(send.clone(), "kept"))).end());
    drop(watchdog.arm(soon(), Arc::new(Signal(send, "dropped"))));
    // Both senders are gone with their watches.
    assert_eq!(receive.recv().unwrap_err(), mpsc::RecvError);
}
