//! The folder `_delta_log` as a listing: which versions it has, since when, and from which
//! checkpoints they can be read.

use std::collections::BTreeMap;

use deltalake::logstore::LogStoreRef;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use serde_json::Value;

use crate::status::Result;

pub struct Log {
    /// When each entry was written, which is when the commit was made. Milliseconds since 1970.
    commits: BTreeMap<u64, i64>,
    checkpoints: BTreeMap<u64, Checkpoint>,
    /// Everything there is about a version, in files of its own.
    files: BTreeMap<u64, Vec<Path>>,
}

struct Checkpoint {
    /// In how many files it was written; complete when as many are there.
    parts: usize,
    files: Vec<Path>,
}

#[cfg_attr(test, derive(Debug, PartialEq))]
enum EntryName {
    Commit(u64),
    /// The version, and how many files make up the checkpoint.
    Checkpoint(u64, usize),
    Checksum(u64),
}

/// The version that `_last_checkpoint` names, from which readers start.
async fn checkpoint_hint(log_store: &LogStoreRef) -> Result<Option<u64>> {
    let hint = log_store.object_store(None).get(&log_store.log_path().clone().join("_last_checkpoint")).await;
    let bytes = match hint {
        Ok(hint) => hint.bytes().await?,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    // It is only a hint: who cannot read it lists the log.
    let hint: Option<Value> = serde_json::from_slice(&bytes).ok();
    Ok(hint.and_then(|hint| hint["version"].as_u64()))
}

impl Log {
    pub async fn list(log_store: &LogStoreRef) -> Result<Self> {
        let folder = log_store.log_path();
        let store = log_store.object_store(None);
        Ok(Self::of(folder, store.list(Some(folder)).try_collect().await?))
    }

    /// As much of it as reading `version` takes: a log of a week has hundreds of thousands of entries before that.
    pub async fn list_for(log_store: &LogStoreRef, version: u64) -> Result<Self> {
        if let Some(at) = checkpoint_hint(log_store).await?.filter(|at| *at <= version) {
            let folder = log_store.log_path();
            let before = folder.clone().join(format!("{at:020}"));
            let listed = log_store.object_store(None).list_with_offset(Some(folder), &before).try_collect().await?;
            let log = Self::of(folder, listed);
            if log.newest_checkpoint(version).is_some() {
                return Ok(log);
            }
        }
        Self::list(log_store).await
    }

    /// By its hint where there is one: then it may be that of the checkpoint before, while a new one is written.
    pub async fn newest_checkpoint_version(log_store: &LogStoreRef) -> Result<Option<u64>> {
        match checkpoint_hint(log_store).await? {
            Some(version) => Ok(Some(version)),
            None => Ok(Self::list(log_store).await?.newest_checkpoint(u64::MAX).map(|(version, _)| version)),
        }
    }

    fn of(folder: &Path, listed: Vec<ObjectMeta>) -> Self {
        let mut log = Self { commits: BTreeMap::new(), checkpoints: BTreeMap::new(), files: BTreeMap::new() };
        for object in listed {
            // What lies deeper belongs to other writers' features.
            let direct = object.location.prefix_match(folder).is_some_and(|rest| rest.count() == 1);
            let name = object.location.filename().filter(|_| direct).and_then(parse_name);
            let version = match name {
                Some(EntryName::Commit(version)) => {
                    log.commits.insert(version, object.last_modified.timestamp_millis());
                    version
                }
                Some(EntryName::Checkpoint(version, parts)) => {
                    log.add_checkpoint(version, parts, object.location.clone());
                    version
                }
                Some(EntryName::Checksum(version)) => version,
                None => continue,
            };
            log.files.entry(version).or_default().push(object.location);
        }
        log
    }

    fn add_checkpoint(&mut self, version: u64, parts: usize, location: Path) {
        let entry = self.checkpoints.entry(version).or_insert_with(|| Checkpoint { parts, files: Vec::new() });
        // A checkpoint in one file is as good as one in parts; either suffices.
        if parts == 1 {
            *entry = Checkpoint { parts, files: vec![location] };
        } else if entry.parts == parts {
            entry.files.push(location);
        }
    }

    /// The newest complete checkpoint at or below `version`, with its files.
    pub fn newest_checkpoint(&self, version: u64) -> Option<(u64, &[Path])> {
        let complete = self.checkpoints.range(..=version).rev().find(|(_, c)| c.files.len() == c.parts);
        complete.map(|(&at, checkpoint)| (at, checkpoint.files.as_slice()))
    }

    /// Whether everything is there that reading `version` takes.
    pub fn can_read(&self, version: u64) -> bool {
        let first = self.newest_checkpoint(version).map_or(0, |(at, _)| at + 1);
        self.commits.contains_key(&version) && (first..=version).all(|v| self.commits.contains_key(&v))
    }

    pub fn oldest(&self) -> Option<u64> {
        self.commits.keys().next().copied()
    }

    /// The newest version that was committed at or before `time_ms`.
    pub fn version_at(&self, time_ms: i64) -> Option<u64> {
        self.since().take_while(|&(_, since_ms)| since_ms <= time_ms).last().map(|(version, _)| version)
    }

    /// What no version that was current at `time_ms` or later needs, oldest first: everything below
    /// the newest checkpoint from which the oldest of these versions can be read.
    pub fn unneeded_since(&self, time_ms: i64) -> Vec<Path> {
        let oldest_needed = self.version_at(time_ms);
        let Some((kept, _)) = oldest_needed.and_then(|version| self.newest_checkpoint(version)) else {
            return Vec::new();
        };
        self.files.range(..kept).flat_map(|(_, files)| files.iter().cloned()).collect()
    }

    /// Each version with the time of its commit. Clocks may go back; versions do not, so Delta
    /// counts a commit as later than the one before it, whatever its entry says.
    fn since(&self) -> impl Iterator<Item = (u64, i64)> + '_ {
        self.commits.iter().scan(i64::MIN, |last_ms, (&version, &written_ms)| {
            *last_ms = written_ms.max(last_ms.saturating_add(1));
            Some((version, *last_ms))
        })
    }
}

/// `<version>.json`, `<version>.crc`, `<version>.checkpoint.parquet` or
/// `<version>.checkpoint.<part>.<parts>.parquet`. Other names are left to those who made them.
fn parse_name(name: &str) -> Option<EntryName> {
    let mut words = name.split('.');
    let version = words.next().filter(|w| w.len() == 20)?.parse().ok()?;
    match (words.next()?, words.collect::<Vec<_>>().as_slice()) {
        ("json", []) => Some(EntryName::Commit(version)),
        ("crc", []) => Some(EntryName::Checksum(version)),
        ("checkpoint", ["parquet"]) => Some(EntryName::Checkpoint(version, 1)),
        ("checkpoint", [_, parts, "parquet"]) => Some(EntryName::Checkpoint(version, parts.parse().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{EntryName, parse_name};

    #[test]
    fn checkpoint_names_are_told_from_commits() {
        assert_eq!(parse_name("00000000000000000012.checkpoint.parquet"), Some(EntryName::Checkpoint(12, 1)));
        let part = "00000000000000000012.checkpoint.0000000001.0000000003.parquet";
        assert_eq!(parse_name(part), Some(EntryName::Checkpoint(12, 3)));
        assert_eq!(parse_name("00000000000000000012.json"), Some(EntryName::Commit(12)));
        assert_eq!(parse_name("_last_checkpoint"), None);
    }
}
