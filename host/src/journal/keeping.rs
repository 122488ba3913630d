//! What the writer does about pictures: before a commit it stores them, after it and in quiet moments it tidies up.

use super::batch::{Statements, Stored, Work};
use super::health::Pressure;
use super::now_us;
use super::pictures::{Class, NewPicture};
use super::writer::{Ticket, Writer};
use crate::domain::Digest;
use std::collections::BTreeMap;

/// Pictures that leave in one step.
pub const EVICT_STEP: i64 = 64;
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
        for picture in wanted.values() {
            let known = statements.knows_picture(&picture.digest)?;
            if known && self.folder.path(&picture.digest).exists() {
                there.push((picture.clone(), 0));
            } else {
                new.push((picture, if known { 0 } else { picture.bytes.len() as u64 }));
            }
        }
        let (stored, fault) = self.folder.store(&new.iter().map(|(picture, _)| *picture).collect::<Vec<_>>());
        let kept = stored.into_iter().map(|picture| picture.digest).collect::<Vec<_>>();
        let failed = (new.len() - kept.len()) as u64;
        there.extend(new.into_iter().filter(|(p, _)| kept.contains(&p.digest)).map(|(p, adds)| (p.clone(), adds)));
        if let Some(fault) = fault {
            self.shared.change(|health| {
                health.pictures_failed += failed;
                health.last_fault = Some(format!("a picture could not be kept: {fault}"));
            });
        }
        Ok(there)
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

    /// In quiet moments, one step at most: pictures that are over their time or the quota, or some sub-folders
    /// compared with the inventory.
    pub(super) fn tidy(&mut self, statements: &mut Statements<'_>) -> rusqlite::Result<()> {
        self.watch_space();
        let mut leaving = self.over_their_time(statements)?;
        let excess = self.picture_bytes.saturating_sub(self.options.image_quota_bytes);
        if leaving.is_empty() && excess > 0 {
            leaving = statements.least_wanted(excess, EVICT_STEP)?;
        }
        if !leaving.is_empty() {
            statements.transaction(|sql| sql.forget(&leaving))?;
            self.unlink(&leaving);
            return Ok(());
        }
        for _ in 0..SWEEP_STEP {
            let Some(shard) = self.sweep else { break };
            self.sweep = shard.checked_add(1);
            self.adopt(statements, shard)?;
        }
        Ok(())
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
