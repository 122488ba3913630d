//! Fragments of pages as events, whenever what they show has changed.

use super::api::Problem;
use super::guard::identify;
use super::i18n::Lang;
use super::places::Place;
use super::serve::AdminState;
use crate::access::{Actor, Presented};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_stream::wrappers::ReceiverStream;

/// How often the board is looked at. A slow reader misses steps between, never holds anything up.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often an open stream asks whether its person is still signed in.
pub const CHECK_EVERY: Duration = Duration::from_secs(5);
/// How often a page that asks for it hears that the station is there.
const BEAT_EVERY: Duration = Duration::from_secs(2);
/// Between two signs of life that no page sees, for what stands between.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One kind of page that refreshes itself.
#[derive(Clone, Copy)]
pub struct Fragments {
    /// The event's name.
    pub name: &'static str,
    /// Grows whenever the fragment would look different.
    pub version: fn(&AdminState) -> u64,
    pub draw: fn(Lang, &AdminState) -> Markup,
    /// What is sent under the name `beat`, changed or not.
    pub beat: Option<fn(Lang, &AdminState) -> Markup>,
}

/// What was drawn last of each fragment and language, so that two hundred screens cost one drawing.
#[derive(Default)]
pub struct Drawn(Mutex<BTreeMap<Key, (u64, Arc<str>)>>);

/// Names of a fragment and of a language.
type Key = (&'static str, &'static str);

impl Drawn {
    /// What is drawn is at least as new as `version`.
    fn get(&self, fragments: &Fragments, version: u64, lang: Lang, state: &AdminState) -> Arc<str> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (fragments.name, lang.tag());
        if let Some((drawn, html)) = all.get(&key)
            && *drawn >= version
        {
            return Arc::clone(html);
        }
        let html: Arc<str> = (fragments.draw)(lang, state).into_string().into();
        all.insert(key, (version, Arc::clone(&html)));
        html
    }
}

/// Who watches, and in which language.
pub struct Watcher {
    pub actor: Actor,
    pub presented: Presented,
    pub lang: Lang,
}

/// The events of `fragments`, until whoever watches is signed out.
pub fn answer(state: AdminState, watcher: Watcher, fragments: Fragments) -> Response {
    let place = match state.seats.take(&watcher.actor) {
        Ok(place) => place,
        Err(none) => return Problem::from(none).into_response(),
    };
    let Watcher { presented, lang, .. } = watcher;
    let (events, stream) = mpsc::channel(1);
    tokio::spawn(follow(state, lang, presented, fragments, events, place));
    Sse::new(ReceiverStream::new(stream)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

async fn follow(
    state: AdminState,
    lang: Lang,
    presented: Presented,
    fragments: Fragments,
    events: mpsc::Sender<Result<Event, Infallible>>,
    _held_while_streaming: Place,
) {
    let (mut shown, mut checked, mut beaten) = (0, Instant::now(), None::<Instant>);
    let mut sent: Option<Arc<str>> = None;
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = events.closed() => return,
        }
        if checked.elapsed() >= CHECK_EVERY {
            if identify(&state, presented.clone()).await.is_err() {
                return;
            }
            checked = Instant::now();
        }
        let version = (fragments.version)(&state);
        if version != shown {
            shown = version;
            let html = state.drawn.get(&fragments, version, lang, &state);
            // What is as it was is not sent again: a page would read it out anew.
            if sent.as_ref() != Some(&html) {
                if events.send(Ok(Event::default().event(fragments.name).data(&*html))).await.is_err() {
                    return;
                }
                sent = Some(html);
            }
        }
        if let Some(beat) = fragments.beat
            && beaten.is_none_or(|last| last.elapsed() >= BEAT_EVERY)
        {
            beaten = Some(Instant::now());
            let html = beat(lang, &state).into_string();
            if events.send(Ok(Event::default().event("beat").data(html))).await.is_err() {
                return;
            }
        }
    }
}
