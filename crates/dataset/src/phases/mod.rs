//! The phases, one after the other. Each is divided into units: shards of jobs, or partitions of texts. A unit's files
//! are finished in the journal, and later phases read them; so each can be resumed, and done on many machines.
//!
//! | phase | unit | what it makes |
//! | --- | --- | --- |
//! | `scan` | shard | id, group, text key and signature of each job |
//! | `plan` | one | what becomes of each job; the labels of each shard |
//! | `place` | shard | candidates: texts with attributes; their keys, by partition |
//! | `choose` | partition | how many candidates become pairs, by attribute |
//! | `weigh` | one | the same over all partitions: what negatives and samples are drawn by |
//! | `draw` | partition | the candidates that become pairs, and their negatives |
//! | `number` | one | the first number of each shard's pairs; the samples |
//! | `write` | shard | parts of the output |
//! | `finish` | one | the samples' files and the report |

pub(crate) mod choose;
pub(crate) mod draw;
pub(crate) mod finish;
pub(crate) mod number;
pub(crate) mod place;
pub(crate) mod plan;
pub(crate) mod scan;
pub(crate) mod write;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use jobmatch_artifact::Work;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::attributes::Attributes;
use crate::inputs::Source;
use crate::{Config, Result, scratch};

/// What every phase needs.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) seed: u64,
    pub(crate) source: &'a dyn Source,
    pub(crate) attributes: &'a Attributes<'a>,
    pub(crate) work: &'a Work,
    pub(crate) observer: &'a (dyn Observer + 'a),
}

/// Watches the work; nothing that it does changes the output.
pub trait Observer: Sync {
    /// So many `unit`s of a phase are done: a phase is `scanning`, `placing`, `drawing` or `writing`.
    fn advanced(&self, phase: &'static str, unit: &'static str, done: u64);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn advanced(&self, _phase: &'static str, _unit: &'static str, _done: u64) {}
}

impl Context<'_> {
    /// Counts what is done of a phase.
    fn progress(&self, phase: &'static str, unit: &'static str) -> impl Fn(u64) + Sync {
        let (observer, total) = (self.observer, AtomicU64::new(0));
        // So that a rate counts from here, not from the first report on.
        observer.advanced(phase, unit, 0);
        move |more| {
            let before = total.fetch_add(more, Ordering::Relaxed);
            observer.advanced(phase, unit, before + more);
        }
    }

    /// What the first process makes alone and all read; with the files that it wrote besides.
    fn once<T: Serialize + DeserializeOwned>(
        &self,
        unit: &str,
        make: impl FnOnce() -> Result<(T, Vec<PathBuf>)>,
    ) -> Result<T> {
        if self.work.shard().is_first() {
            if !self.work.is_finished(unit)? {
                let (value, mut files) = make()?;
                files.push(scratch::write(self.work, unit, &value)?);
                self.work.finish(unit, &files)?;
                return Ok(value);
            }
        } else {
            self.work.wait(unit)?;
        }
        scratch::read(self.work, unit)
    }

    /// The units of this process, out of `count`, that are not finished.
    fn open_units(&self, count: u32, unit: impl Fn(u32) -> String) -> Result<Vec<u32>> {
        let mut open = Vec::new();
        for number in 0..count {
            let mine = self.work.shard().takes(u64::from(number));
            if mine && !self.work.is_finished(&unit(number))? {
                open.push(number);
            }
        }
        Ok(open)
    }
}
