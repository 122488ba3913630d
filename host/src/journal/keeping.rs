//! What the writer does about pictures: before a commit it stores them, after it and in quiet moments it tidies up.

use super::batch::{Statements, Stored, Work};
use super::health::Pressure;
use super::now_us;
use super::pictures::{Class, NewPicture};
use super::writer::{Command, Ticket, Writer};
use crate::domain::Digest;
use crossbeam_channel::Receiver;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Pictures that leave in one step: the most that one commit takes on, whatever came in with it.
/// Unit tests reach it with few.
pub const EVICT_STEP: i64 = if cfg!(test) { 16 } else { 1024 };
/// Steps in one quiet moment, as long as nobody waits.
const QUIET_STEPS: usize = 8;
/// Over the quota, pictures may be ahead of those that leave by an eighth of it, and by that much at most.
const MOST_AHEAD: u64 = 256 << 20;
/// Of the 256 sub-folders of the picture store, so many are compared with the inventory in one quiet moment.
const SWEEP_STEP: usize = 16;
const DAY_US: i64 = 24 * 3600 * 1_000_000;

impl Writer {
    /// Puts the pictures of a batch on the disk. Gives back those that are there, with the bytes each one adds.
    pub(super) fn store_pictures(
        &mut self,
        statements: &mut Statements<'_>,
        batch: &[Ticket],
    ) -> rusqlite::Result<Vec<(NewPicture, u64)>> {
        let mut wanted: BTreeMap<Digest, NewPicture> = BTreeMap::new();
        let records = batch.iter().filter_map(|ticket| match &ticket.work {
            Work::Record(record) => Some(record),
            _ => None,
        });
        for picture in records.flat_map(|record| &record.pictures) {
            let known = wanted.entry(picture.digest).or_insert_with(|| picture.clone());
            known.class = known.class.max(picture.class);
        }
        if wanted.is_empty() || self.watch_space() >= Pressure::NoPictures {
            return Ok(Vec::new());
        }
        let mut there = Vec::new();
        let mut new = Vec::new();
        for picture in wanted.into_values() {
            let known = statements.knows_picture(&picture.digest)?;
            if known && self.folder.path(&picture.digest).exists() {
                there.push((picture, 0));
            } else {
                let adds = if known { 0 } else { picture.bytes.len() as u64 };
                new.push((picture, adds));
            }
        }
        let new = self.admitted(statements, new)?;
        let (stored, fault) = self.folder.store(&new.iter().map(|(picture, _)| picture).collect::<Vec<_>>());
        let kept: BTreeSet<Digest> = stored.into_iter().map(|picture| picture.digest).collect();
        let failed = new.len() - kept.len();
        there.extend(new.into_iter().filter(|(picture, _)| kept.contains(&picture.digest)));
        if let Some(fault) = fault {
            self.not_kept(failed, &format!("a picture could not be kept: {fault}"));
        }
        Ok(there)
    }

    /// Those of the new pictures for which there is room, the most wanted first. What leaves in one step may be far
    /// smaller than what comes in, so the quota is passed for a while, but not without end.
    fn admitted(
        &self,
        statements: &mut Statements<'_>,
        mut new: Vec<(NewPicture, u64)>,
    ) -> rusqlite::Result<Vec<(NewPicture, u64)>> {
        let quota = self.options.image_quota_bytes;
        let excess = self.excess_with(new.iter().map(|(_, adds)| adds).sum());
        let leaving = if excess > 0 { statements.least_wanted(excess, EVICT_STEP)? } else { Vec::new() };
        let leaving: u64 = leaving.iter().map(|(_, bytes)| bytes).sum();
        let most = quota.saturating_add((quota / 8).min(MOST_AHEAD)).saturating_add(leaving);
        let mut room = most.saturating_sub(self.picture_bytes);
        let came = new.len();
        new.sort_by_key(|(picture, _)| Reverse(picture.class));
        new.retain(|(_, adds)| match room.checked_sub(*adds) {
            Some(rest) => {
                room = rest;
                true
            }
            None => false,
        });
        if new.len() < came {
            let text = "pictures come in faster than older ones leave, or are larger than the quota: some are not kept";
            self.not_kept(came - new.len(), text);
        }
        Ok(new)
    }

    fn not_kept(&self, count: usize, why: &str) {
        self.shared.change(|health| {
            health.pictures_failed += count as u64;
            health.last_fault = Some(why.to_owned());
        });
    }

    /// Bytes of pictures over the quota.
    pub(super) fn excess(&self) -> u64 {
        self.excess_with(0)
    }

    pub(super) fn excess_with(&self, incoming: u64) -> u64 {
        self.picture_bytes.saturating_add(incoming).saturating_sub(self.options.image_quota_bytes)
    }

    /// Removes the files of pictures that the inventory has given up.
    pub(super) fn unlink(&mut self, evicted: &[Stored]) {
        for (digest, bytes) in evicted {
            // A file that stays is found by the next sweep, and counted again.
            self.folder.remove(digest);
            self.picture_bytes = self.picture_bytes.saturating_sub(*bytes);
        }
        let picture_bytes = self.picture_bytes;
        self.shared.change(|health| health.picture_bytes = picture_bytes);
    }

    /// In quiet moments: some steps, and none more once somebody waits.
    pub(super) fn tidy(
        &mut self,
        statements: &mut Statements<'_>,
        commands: &Receiver<Command>,
    ) -> rusqlite::Result<()> {
        self.watch_space();
        for _ in 0..QUIET_STEPS {
            if !commands.is_empty() || !self.tidy_step(statements)? {
                break;
            }
        }
        Ok(())
    }

    /// Pictures that are over their time or the quota, or some sub-folders compared with the inventory. False when
    /// there was nothing to do.
    fn tidy_step(&mut self, statements: &mut Statements<'_>) -> rusqlite::Result<bool> {
        let mut leaving = self.over_their_time(statements)?;
        let excess = self.excess();
        if leaving.is_empty() && excess > 0 {
            leaving = statements.least_wanted(excess, EVICT_STEP)?;
        }
        if !leaving.is_empty() {
            statements.transaction(|sql| sql.forget(&leaving))?;
            self.unlink(&leaving);
            return Ok(true);
        }
        let unswept = self.sweep.is_some();
        for _ in 0..SWEEP_STEP {
            let Some(shard) = self.sweep else { break };
            self.sweep = shard.checked_add(1);
            self.adopt(statements, shard)?;
        }
        Ok(unswept)
    }

    fn over_their_time(&self, statements: &mut Statements<'_>) -> rusqlite::Result<Vec<Stored>> {
        let mut leaving = Vec::new();
        for class in Class::ALL {
            let days = i64::from(class.days(&self.options.keep_days));
            let before_us = now_us().saturating_sub(days.saturating_mul(DAY_US));
            leaving.extend(statements.expired(class, before_us, EVICT_STEP)?);
        }
        Ok(leaving)
    }

    /// Takes files without a row into the inventory, as the least wanted: a power cut left them between the two.
    fn adopt(&mut self, statements: &mut Statements<'_>, shard: u8) -> rusqlite::Result<()> {
        let Ok(files) = self.folder.shard(shard) else { return Ok(()) };
        let mut strays = Vec::new();
        for (digest, bytes) in files {
            if !statements.knows_picture(&digest)? {
                strays.push((digest, bytes));
            }
        }
        if strays.is_empty() {
            return Ok(());
        }
        let at_us = now_us();
        statements.transaction(|sql| {
            strays.iter().try_for_each(|(digest, bytes)| {
                sql.inventory(digest, Class::Pass as i64, i64::try_from(*bytes).unwrap_or(i64::MAX), at_us)
            })
        })?;
        self.picture_bytes += strays.iter().map(|(_, bytes)| bytes).sum::<u64>();
        self.unlink(&[]);
        Ok(())
    }
}
