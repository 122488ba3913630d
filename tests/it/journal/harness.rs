//! Runs a journal on a disk that remembers, cuts the power at every moment of that run, and looks at what is left.

use super::disk::{Disk, DiskFiles, Step};
use super::image::{Dice, Event, Image, Model, Unflushed};
use super::{options, record};
use assay::domain::{Digest, FrameId, Observation, Report};
use assay::journal::{
    Durability, Filter, Journal, JournalError, JournalOptions, Page, Pending, Reader, Record, verify,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Boot and trigger.
pub type Frame = (u64, u64);

/// In memory where the system has that: what is durable is the model's business here, not the real disk's.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// A record that was handed over when so many things had happened.
#[derive(Clone)]
pub struct Submitted {
    pub record: Record,
    pub at: usize,
}

/// What happened in a run, and what the journal was told and answered.
pub struct Run {
    pub base: Image,
    /// Rows that were confirmed before.
    pub before: BTreeMap<i64, Option<Frame>>,
    pub events: Vec<Event>,
    pub submitted: BTreeMap<Frame, Submitted>,
    /// The hash of each row, from the first on; absent where rows were replaced on the way (after a fault).
    pub chain: Option<Vec<Digest>>,
    /// Some pictures left by the quota, or their own file failed: such a one is not there, but never damaged.
    pub pictures_may_go: bool,
}

/// A run while it goes on.
pub struct Session {
    pub disk: &'static Disk,
    root: TempDir,
    base: Image,
    before: BTreeMap<i64, Option<Frame>>,
    pub submitted: BTreeMap<Frame, Submitted>,
    pub dice: Dice,
    pub trigger: u64,
    pub durability: Durability,
    pub forgets: fn(Step, &str) -> bool,
    pub quota_bytes: u64,
    pub checkpoint_pages: i64,
}

impl Session {
    pub fn new(disk: &'static Disk, base: Image) -> Self {
        let root = scratch();
        disk.start(root.path(), &base);
        Self {
            disk,
            root,
            base,
            before: BTreeMap::new(),
            submitted: BTreeMap::new(),
            dice: Dice(7),
            trigger: 0,
            durability: Durability::Full,
            forgets: |_, _| false,
            quota_bytes: 1 << 30,
            checkpoint_pages: 60,
        }
    }

    /// Goes on where a power cut has ended another run.
    pub fn after_cut(disk: &'static Disk, run: &Run, at: usize, image: Image) -> Self {
        let earlier = run.submitted.iter().filter(|(_, submitted)| submitted.at <= at);
        let submitted = earlier.map(|(frame, known)| (*frame, Submitted { record: known.record.clone(), at: 0 }));
        let (submitted, before) = (submitted.collect(), run.confirmed(at));
        Self { submitted, before, ..Self::new(disk, image) }
    }

    pub fn dir(&self) -> PathBuf {
        self.root.path().join("journal")
    }

    pub fn open(&mut self) -> Journal {
        self.try_open().unwrap()
    }

    pub fn try_open(&mut self) -> Result<Journal, JournalError> {
        let files = Arc::new(DiskFiles { forgets: self.forgets, ..DiskFiles::new(self.disk) });
        self.trigger = 0;
        Journal::open(JournalOptions {
            durability: self.durability,
            vfs: Some(self.disk.name.clone()),
            files,
            checkpoint_pages: self.checkpoint_pages,
            image_quota_bytes: self.quota_bytes,
            ..options(&self.dir())
        })
    }

    pub fn submit(&mut self, journal: &Journal) -> (Option<Frame>, Pending) {
        self.trigger += 1;
        let frame = (journal.boot(), self.trigger);
        let record = pictured(frame, &mut self.dice);
        let at = self.disk.happened();
        self.submitted.insert(frame, Submitted { record: record.clone(), at });
        (Some(frame), journal.submit(record).unwrap())
    }

    pub fn confirmed(&self, frame: Option<Frame>, row: i64) {
        self.disk.record(Event::Confirmed { row, frame });
    }

    /// Hands over `count` records, one to eight at a time, with other things among them, and waits for each.
    pub fn write(&mut self, journal: &Journal, count: u64) {
        let mut left = count;
        while left > 0 {
            let group = (1 + self.dice.below(8)).min(left);
            let mut pending: Vec<_> = (0..group).map(|_| self.submit(journal)).collect();
            match self.dice.below(4) {
                0 | 1 => pending.push((None, observe(journal, self.trigger))),
                2 => pending.push((None, journal.save_state("drift", state(self.trigger)).unwrap())),
                // A trigger that nobody records: the next start has to say so.
                _ => self.trigger += 1,
            }
            for (frame, pending) in pending {
                let row = pending.wait().unwrap().row;
                self.confirmed(frame, row);
            }
            left -= group;
        }
    }

    pub fn end(self, with_chain: bool) -> Run {
        let chain = with_chain.then(|| {
            let db = rusqlite::Connection::open(self.dir().join("journal.db")).unwrap();
            let mut hashes = db.prepare("SELECT hash FROM chain ORDER BY seq").unwrap();
            let hashes = hashes.query_map([], |row| row.get(0).map(Digest::from_bytes)).unwrap();
            hashes.collect::<Result<_, _>>().unwrap()
        });
        let pictures_may_go = !with_chain || self.quota_bytes < 1 << 30;
        let Self { disk, base, before, submitted, .. } = self;
        Run { base, before, events: disk.events(), submitted, chain, pictures_may_go }
    }
}

/// Every third one has a picture.
fn pictured((boot, trigger): Frame, dice: &mut Dice) -> Record {
    let mut record = record(boot, trigger);
    if trigger.is_multiple_of(3) {
        let bytes: Vec<u8> = (0..600 + dice.below(900)).map(|_| dice.below(256) as u8).collect();
        record.inspection.picture = Some(Digest::of(&bytes));
        record.picture = Some(bytes.into());
    }
    record
}

fn state(number: u64) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([("window".to_owned(), vec![number as u8; 700])])
}

fn observe(journal: &Journal, trigger: u64) -> Pending {
    let report = Report {
        feature: "mean".to_owned(),
        statistic: "ks".to_owned(),
        value: trigger as f64,
        threshold: 1.0,
        drifted: false,
        window: 9,
    };
    let id = FrameId { station: "line-1".to_owned(), boot: journal.boot(), trigger };
    let observation = Observation { reports: vec![report] };
    journal.observe(&id, "drift", &observation).unwrap()
}

/// What a power cut has cost.
#[derive(Debug, Clone, PartialEq)]
pub enum Violation {
    /// This row was confirmed and is not there, or is not what it was.
    Lost(i64),
    /// The record that names this picture was confirmed, or the inventory has it, but its bytes are not there.
    Picture(String),
    /// The database does not open, is damaged, its chain does not hold, or it has rows that nobody wrote.
    Broken(String),
}

pub fn broken(what: impl std::fmt::Debug) -> Violation {
    Violation::Broken(format!("{what:?}"))
}

impl Run {
    /// Rows that were confirmed before the first `at` events had happened.
    pub fn confirmed(&self, at: usize) -> BTreeMap<i64, Option<Frame>> {
        let mut rows = self.before.clone();
        for event in &self.events[..at] {
            if let Event::Confirmed { row, frame } = event
                && (frame.is_some() || !rows.contains_key(row))
            {
                rows.insert(*row, *frame);
            }
        }
        rows
    }

    /// Starts a station on what a cut behind `at` events has left.
    pub fn check(&self, at: usize, image: &Image) -> Result<(), Violation> {
        let root = scratch();
        image.write_to(root.path());
        let dir = root.path().join("journal");
        let confirmed = self.confirmed(at);
        let mut checkpoint = None;
        if dir.join("journal.db").exists() {
            // The index of the WAL is never flushed: what lies there after a cut can be anything.
            fs::write(dir.join("journal.db-shm"), vec![at as u8; 32 << 10]).unwrap();
            let found = verify(&dir, None).map_err(broken)?;
            if let Some(row) = confirmed.keys().find(|row| **row > found.checkpoint.rows) {
                return Err(Violation::Lost(*row));
            }
            if !found.holds() {
                return Err(broken(found));
            }
            if let (Some(chain), 1..) = (&self.chain, found.checkpoint.rows)
                && chain.get(found.checkpoint.rows as usize - 1) != Some(&found.checkpoint.hash)
            {
                return Err(broken("the rows are not those that were written"));
            }
            checkpoint = Some(found.checkpoint);
        } else if let Some(row) = confirmed.keys().next_back() {
            return Err(Violation::Lost(*row));
        }
        let journal = Journal::open(options(&dir)).map_err(broken)?;
        self.compare(at, &confirmed, &journal.reader())?;
        drop(journal);
        inventory_is_there(&dir)?;
        let again = verify(&dir, checkpoint).map_err(broken)?;
        if again.holds() { Ok(()) } else { Err(broken(again)) }
    }

    /// Every confirmed inspection is there byte by byte, every other one was handed over, and every trigger between
    /// them has a row that says that it is lost.
    fn compare(&self, at: usize, confirmed: &BTreeMap<i64, Option<Frame>>, reader: &Reader) -> Result<(), Violation> {
        let found = inspections(reader)?;
        for (frame, (row, inspection)) in &found {
            let Some(known) = self.submitted.get(frame).filter(|known| known.at <= at) else {
                return Err(broken(format!("{frame:?} was never handed over")));
            };
            if known.record.inspection != *inspection {
                return Err(Violation::Lost(*row));
            }
        }
        for (row, frame) in confirmed.iter().filter_map(|(row, frame)| Some((*row, (*frame)?))) {
            if found.get(&frame).map(|(row, _)| *row) != Some(row) {
                return Err(Violation::Lost(row));
            }
            let Some(bytes) = &self.submitted[&frame].record.picture else { continue };
            let kept = reader.picture(&Digest::of(bytes));
            let may_be_gone = self.pictures_may_go && matches!(kept, Ok(None));
            if !may_be_gone && !matches!(&kept, Ok(Some(kept)) if kept[..] == bytes[..]) {
                return Err(Violation::Picture(format!("{frame:?}: {kept:?}").chars().take(200).collect()));
            }
        }
        let lost: Vec<_> = reader.lost(10_000).map_err(broken)?;
        let newest = found.keys().next_back().copied().unwrap_or_default();
        let unsaid = (1..newest.1).find(|trigger| {
            !found.contains_key(&(newest.0, *trigger))
                && !lost.iter().any(|lost| lost.boot == newest.0 && (lost.first..=lost.last).contains(trigger))
        });
        unsaid.map_or(Ok(()), |trigger| Err(broken(format!("trigger {trigger} is lost and nothing says so"))))
    }

    /// Cuts the power behind every event: at each in one of the ways that the disk may go on from there, and in all
    /// of them where something had just become durable. Two threads look at what is left.
    pub fn cut_everywhere(&self, seed: u64) -> Tally {
        self.cut_with(seed, |at, image| self.check(at, image))
    }

    /// The same with another look at what is left.
    pub fn cut_with(&self, seed: u64, check: impl Fn(usize, &Image) -> Result<(), Violation> + Sync) -> Tally {
        let tally = Mutex::new(Tally { points: self.events.len() + 1, ..Tally::default() });
        let (images_in, images) = crossbeam_channel::bounded::<(usize, Unflushed, Image)>(4);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for (at, unflushed, image) in &images {
                        let found = check(at, &image);
                        let mut tally = tally.lock().unwrap();
                        tally.images += 1;
                        tally.violations.extend(found.err().map(|violation| (at, unflushed, violation)));
                    }
                });
            }
            let mut model = Model::new(self.base.clone());
            for at in 0..=self.events.len() {
                if let Some(event) = at.checked_sub(1).map(|last| &self.events[last]) {
                    model.play(event);
                }
                for unflushed in self.ways(at) {
                    let mut dice = Dice(seed.wrapping_mul(1_000_003) ^ at as u64);
                    images_in.send((at, unflushed, model.cut(unflushed, &mut dice))).unwrap();
                }
            }
            drop(images_in);
        });
        tally.into_inner().unwrap()
    }

    fn ways(&self, at: usize) -> Vec<Unflushed> {
        let settled = match at.checked_sub(1).map(|last| &self.events[last]) {
            None => true,
            Some(Event::Flush { .. } | Event::FlushFailed { .. } | Event::FlushFolder { .. }) => true,
            // The first cut behind an answer; the others of its commit differ in the answers only.
            Some(Event::Confirmed { .. }) => !matches!(self.events.get(at), Some(Event::Confirmed { .. })),
            Some(Event::Write { .. } | Event::Truncate { .. }) => false,
            Some(_) => return vec![Unflushed::NamesOnly, Unflushed::Torn],
        };
        match settled {
            true => Unflushed::ALL.to_vec(),
            false if at.is_multiple_of(2) => vec![Unflushed::Torn],
            false => vec![Unflushed::Reordered],
        }
    }
}

/// What the cuts of a run have found.
#[derive(Debug, Default)]
pub struct Tally {
    pub points: usize,
    pub images: usize,
    pub violations: Vec<(usize, Unflushed, Violation)>,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.points += other.points;
        self.images += other.images;
        self.violations.extend(other.violations);
    }

    pub fn assert_clean(&self) {
        let first: Vec<_> = self.violations.iter().take(5).collect();
        assert!(first.is_empty(), "{} of {} images: {first:#?}", self.violations.len(), self.images);
    }
}

type Found = BTreeMap<Frame, (i64, assay::domain::Inspection)>;

fn inspections(reader: &Reader) -> Result<Found, Violation> {
    let mut page = Page { before: None, limit: 200 };
    let mut found = BTreeMap::new();
    loop {
        let listing = reader.list(&Filter::default(), &page).map_err(broken)?;
        for line in &listing.lines {
            let entry = reader.get_row(line.row).map_err(broken)?.ok_or_else(|| broken("a line without its entry"))?;
            if found.insert((line.id.boot, line.id.trigger), (line.row, entry.inspection)).is_some() {
                return Err(broken(format!("{} is there twice", line.id)));
            }
        }
        match listing.next {
            Some(next) => page.before = Some(next),
            None => return Ok(found),
        }
    }
}

/// Every picture of the inventory is in the store, whole.
fn inventory_is_there(dir: &Path) -> Result<(), Violation> {
    let db = rusqlite::Connection::open(dir.join("journal.db")).map_err(broken)?;
    let mut digests = db.prepare("SELECT digest FROM pictures").map_err(broken)?;
    let digests = digests.query_map([], |row| row.get(0).map(Digest::from_bytes)).map_err(broken)?;
    let digests: BTreeSet<Digest> = digests.collect::<Result<_, _>>().map_err(broken)?;
    let reader = Reader::open(dir).map_err(broken)?;
    for digest in digests {
        if !matches!(reader.picture(&digest), Ok(Some(_))) {
            return Err(Violation::Picture(format!("{digest} is in the inventory only")));
        }
    }
    Ok(())
}
