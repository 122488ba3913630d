//! Finds the rows of a filter among any number: it walks the indexes of all its conditions together, each skipping to
//! where the others are. What no index knows is looked up row by row, within a budget; a search that has used it says
//! so, and how far it came.

use super::filter::{Cursor, Filter, MAX_PAGE};
use super::rows::{LINE_COLUMNS, Line, line};
use super::streams::{Direction, Running};
use super::{JournalError, Reader};
use rusqlite::{Connection, Statement};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// From where a list is read, and how far.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// The place that it is read from, not included; absent: from the newest, or from the oldest where it is read
    /// towards newer ones.
    pub from: Option<Cursor>,
    pub direction: Direction,
    /// Rows of the page; at most [`MAX_PAGE`].
    pub limit: usize,
    pub budget: Budget,
}

/// What a search may cost.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Places that are looked at.
    pub places: usize,
    pub time: Duration,
}

impl Budget {
    /// For a person who waits.
    pub const PAGE: Self = Self { places: 1 << 20, time: Duration::from_millis(60) };
    /// For one who has to have all.
    pub const NONE: Self = Self { places: usize::MAX, time: Duration::MAX };
}

impl Turn {
    /// The newest page.
    #[must_use]
    pub const fn newest(limit: usize) -> Self {
        Self { from: None, direction: Direction::Older, limit, budget: Budget::PAGE }
    }
}

/// What a search has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Newest first, whichever way was read.
    pub lines: Vec<Line>,
    /// True where there is more that way, or may be.
    pub more: bool,
    /// How far it was looked where the budget was used up before the page was full: from there on it can be continued.
    pub stopped: Option<Cursor>,
}

impl Reader {
    /// One page of inspections.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn search(&self, filter: &Filter, turn: &Turn) -> Result<Found, JournalError> {
        self.with("search inspections", |db| {
            // One view for all looks.
            let view = db.unchecked_transaction()?;
            let found = Search::new(&view, filter, turn)?.run();
            view.finish()?;
            found
        })
    }
}

/// Recipes that have a part whose digest begins so.
fn recipes_of(db: &Connection, filter: &Filter) -> rusqlite::Result<Option<Vec<[u8; 32]>>> {
    let Some(part) = &filter.part else { return Ok(None) };
    let sql = "SELECT DISTINCT recipe FROM recipe_parts WHERE part >= ? AND part <= ?";
    db.prepare(sql)?.query_map(part.bounds(), |row| row.get(0))?.collect::<rusqlite::Result<Vec<_>>>().map(Some)
}

struct Search<'c> {
    filter: &'c Filter,
    line: Statement<'c>,
    is_reviewed: Statement<'c>,
    is_drawn: Statement<'c>,
    recipes: Option<BTreeSet<[u8; 32]>>,
    streams: Vec<Running<'c>>,
    turn: Turn,
    begun: Instant,
    looked: usize,
}

impl<'c> Search<'c> {
    fn new(db: &'c Connection, filter: &'c Filter, turn: &Turn) -> rusqlite::Result<Self> {
        let recipes = recipes_of(db, filter)?;
        let (first, far) = bounds(filter, turn);
        let run = |stream| Running::new(db, &stream, turn.direction, first, far);
        let streams = filter.streams(recipes.as_deref()).into_iter().map(run).collect::<rusqlite::Result<_>>()?;
        let recipes = recipes.map(|recipes| recipes.into_iter().collect());
        let turn = Turn { from: Some(first), limit: turn.limit.clamp(1, MAX_PAGE), ..*turn };
        let line = db.prepare(&format!("SELECT {LINE_COLUMNS} FROM inspections i WHERE i.seq = ?"))?;
        let is_reviewed = db.prepare("SELECT 1 FROM reviewed WHERE inspection = ?")?;
        let is_drawn = db.prepare("SELECT 1 FROM review_samples WHERE inspection = ?")?;
        Ok(Self { filter, line, is_reviewed, is_drawn, recipes, streams, turn, begun: Instant::now(), looked: 0 })
    }

    fn run(mut self) -> rusqlite::Result<Found> {
        let direction = self.turn.direction;
        let mut lines: Vec<Line> = Vec::new();
        let (mut more, mut stopped) = (false, None);
        let mut at = self.turn.from.unwrap_or(Cursor { judged_at_us: 0, row: 0 });
        while let Some(place) = self.agree(&mut at, &mut stopped)? {
            if let Some(line) = self.line(place)? {
                if lines.len() == self.turn.limit {
                    more = true;
                    break;
                }
                lines.push(line);
            }
            at = behind(direction, place);
            if self.is_spent() {
                stopped = Some(place);
                break;
            }
        }
        // One more was wanted only to know whether there is one.
        if stopped.is_some() && lines.len() == self.turn.limit {
            stopped = None;
            more = true;
        }
        if direction == Direction::Newer {
            lines.reverse();
        }
        Ok(Found { more: more || stopped.is_some(), lines, stopped })
    }

    /// The first place at or behind `at` that is in all streams; none at the end, or where the budget is used up.
    fn agree(&mut self, at: &mut Cursor, stopped: &mut Option<Cursor>) -> rusqlite::Result<Option<Cursor>> {
        let direction = self.turn.direction;
        loop {
            let mut agreed = true;
            for stream in &mut self.streams {
                self.looked += 1;
                match stream.skip_to(*at)? {
                    None => return Ok(None),
                    Some(head) if head == *at => {}
                    Some(head) => {
                        *at = head;
                        agreed = false;
                    }
                }
            }
            // With one stream its head is the place.
            if agreed || self.streams.len() == 1 {
                return Ok(Some(*at));
            }
            if self.is_spent() {
                // The place itself was not looked at yet.
                *stopped = Some(before(direction, *at));
                return Ok(None);
            }
        }
    }

    /// The clock is asked now and then only.
    fn is_spent(&self) -> bool {
        let Budget { places, time } = self.turn.budget;
        self.looked >= places || (self.looked % 32 < self.streams.len() && self.begun.elapsed() >= time)
    }

    /// The row at a place, where it fits the whole filter.
    fn line(&mut self, place: Cursor) -> rusqlite::Result<Option<Line>> {
        let found = self.line.query_row([place.row], line)?;
        if !fits(self.filter, &found) || !self.recipe_fits(&found) {
            return Ok(None);
        }
        let wishes = [(self.filter.reviewed, &mut self.is_reviewed), (self.filter.sampled, &mut self.is_drawn)];
        for (wish, statement) in wishes {
            if let Some(wish) = wish
                && statement.exists([place.row])? != wish
            {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    fn recipe_fits(&self, line: &Line) -> bool {
        self.recipes.as_ref().is_none_or(|recipes| recipes.contains(line.recipe_digest.as_bytes()))
    }
}

/// The place that is read from, and the last time that counts.
fn bounds(filter: &Filter, turn: &Turn) -> (Cursor, i64) {
    let from_us = filter.from_us.unwrap_or(i64::MIN);
    // The last one that counts.
    let to_us = filter.to_us.map_or(i64::MAX, |to_us| to_us.saturating_sub(1));
    let at = |judged_at_us, row| Cursor { judged_at_us, row };
    let (end, far) = match turn.direction {
        Direction::Older => (at(to_us, i64::MAX), from_us),
        Direction::Newer => (at(from_us, i64::MIN), to_us),
    };
    let first = match turn.from {
        Some(from) if turn.direction.is_before(end, from) => from,
        _ => end,
    };
    (first, far)
}

const fn behind(direction: Direction, place: Cursor) -> Cursor {
    let row = match direction {
        Direction::Older => place.row.saturating_sub(1),
        Direction::Newer => place.row.saturating_add(1),
    };
    Cursor { judged_at_us: place.judged_at_us, row }
}

const fn before(direction: Direction, place: Cursor) -> Cursor {
    match direction {
        Direction::Older => behind(Direction::Newer, place),
        Direction::Newer => behind(Direction::Older, place),
    }
}

/// What the row itself says. The indexes have most of it already.
fn fits(filter: &Filter, line: &Line) -> bool {
    let same = |wish: &Option<String>, found: &Option<String>| wish.is_none() || wish == found;
    let (low, high) = filter.score_range();
    filter.verdict.is_none_or(|kind| kind == line.verdict)
        && same(&filter.label, &line.label)
        && same(&filter.product, &line.product)
        && same(&filter.serial, &line.serial)
        && filter.flagged.is_none_or(|flagged| flagged == line.flagged)
        && (!filter.has_score() || line.score.is_some_and(|score| (low..=high).contains(&score)))
}
