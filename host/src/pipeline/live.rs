use super::{Board, LineEvent, LineEvents, LiveRecipe, Outcome, RecipeCard};
use crate::domain::Frame;
use arc_swap::{ArcSwap, ArcSwapOption};
use std::sync::Arc;

/// Sees every released frame, in the order of release. Called on the releasing thread: it must not wait.
pub trait Watcher: Send + Sync {
    /// `frame` is none where the picture could not be decoded.
    fn released(&self, outcome: &Arc<Outcome>, frame: Option<&Frame>);
}

/// The recipe that judges now. Lanes load the pointer once per frame; a swap replaces it, and waits for nobody.
#[derive(Clone)]
pub struct LiveSlot {
    shared: Arc<Shared>,
}

struct Shared {
    recipe: ArcSwap<LiveRecipe>,
    watcher: ArcSwapOption<Watching>,
    board: Board,
    events: LineEvents,
}

/// An atomic pointer needs something of a known size.
struct Watching(Box<dyn Watcher>);

impl LiveSlot {
    pub(super) fn new(recipe: Arc<LiveRecipe>, board: Board, events: LineEvents) -> Self {
        events.tell_device(&recipe.model.placement().device);
        recipe.show_warm(board.metrics());
        let shared = Shared { recipe: ArcSwap::new(recipe), watcher: ArcSwapOption::empty(), board, events };
        Self { shared: Arc::new(shared) }
    }

    /// The recipe that the next frame is judged by.
    #[must_use]
    pub fn load(&self) -> Arc<LiveRecipe> {
        self.shared.recipe.load_full()
    }

    /// From now on frames are judged by `recipe`; those that a lane has taken are finished by the one that it loaded.
    /// Gives the one that judged until now.
    pub fn swap(&self, recipe: Arc<LiveRecipe>) -> Arc<LiveRecipe> {
        let card = RecipeCard::of(&recipe);
        self.shared.events.tell_device(&recipe.model.placement().device);
        recipe.show_warm(self.shared.board.metrics());
        let old = self.shared.recipe.swap(recipe);
        self.shared.board.set_recipe(card);
        old
    }

    /// Tells people that the recipe on trial (its name and version) was taken back.
    pub fn tell_rolled_back(&self, recipe: &str, reason: &str) {
        let (recipe, reason) = (recipe.to_owned(), reason.to_owned());
        self.shared.events.emit(LineEvent::RolledBack { recipe, reason });
    }

    /// Shows every frame that is released from now on to `watcher`, in place of the watcher before.
    pub fn watch(&self, watcher: Option<Box<dyn Watcher>>) {
        self.shared.watcher.store(watcher.map(|watcher| Arc::new(Watching(watcher))));
    }

    pub(super) fn released(&self, outcome: &Arc<Outcome>, frame: Option<&Frame>) {
        if let Some(watching) = self.shared.watcher.load().as_deref() {
            watching.0.released(outcome, frame);
        }
    }
}
