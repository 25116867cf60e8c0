//! Any number of plausible jobs with labels, for tests of scale: tasks of O*NET in a frame of made-up sentences.
//!
//! Job number `k` depends on the seed and on `k` alone, so jobs are made in parallel and memory does not grow with their
//! number. Some are copies of earlier jobs, and some near copies, as in real collections.

mod phrases;
mod write;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use self::phrases::{CITIES, CLOSINGS, HEADINGS, NAMES, OPENINGS, REQUIREMENTS, TRADES};
use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::source::{Occupation, Occupations, Task};

pub use write::GenerateReport;

/// How jobs are made up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerateConfig {
    /// How many jobs. Default: 1000.
    pub jobs: u64,
    /// About how many words a job has. Default: 120.
    pub words: usize,
    /// Share of the jobs that carry the code of their occupation as their group. Default: 0, so that nothing but their
    /// texts tells which jobs belong together.
    pub groups: f64,
    /// Share of the jobs that are an earlier job with a few words changed. Default: 0.02.
    pub near_copies: f64,
    /// Share of the jobs that are an earlier job in another layout. Default: 0.01.
    pub copies: f64,
    /// Share of the labels that say where their task stands. Default: 0.5.
    pub evidence: f64,
}

impl Default for GenerateConfig {
    fn default() -> Self {
        GenerateConfig {
            jobs: 1000,
            words: 120,
            groups: 0.0,
            near_copies: 0.02,
            copies: 0.01,
            evidence: 0.5,
        }
    }
}

impl GenerateConfig {
    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// The setting and what it may be.
    pub fn validate(&self) -> Result<()> {
        let refuse = |key, reason: String| Err(Error::Setting { key, reason });
        if self.jobs == 0 {
            return refuse("jobs", "must be at least 1".to_owned());
        }
        if self.words < 20 {
            return refuse("words", format!("must be at least 20, not {}", self.words));
        }
        let shares = [
            ("groups", self.groups),
            ("near_copies", self.near_copies),
            ("copies", self.copies),
            ("evidence", self.evidence),
        ];
        for (key, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return refuse(key, format!("must be a share from 0 to 1, not {share}"));
            }
        }
        if self.near_copies + self.copies > 1.0 {
            return refuse("copies", "with near_copies it is more than 1".to_owned());
        }
        Ok(())
    }
}

/// A made-up job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedJob {
    /// `g` and its number.
    pub job_id: String,
    /// The code of its occupation, for some.
    pub group_id: Option<String>,
    /// The whole text.
    pub text: String,
    /// What is right for it: each activity once, and where its task stands, for some.
    pub labels: Vec<(String, Option<Range<usize>>)>,
    /// The number of the earlier job that this one is a copy of. That one is no copy.
    pub copy_of: Option<u64>,
    /// Whether the copy has a few other words.
    pub is_near_copy: bool,
}

/// Makes jobs.
#[derive(Debug)]
pub struct Generator<'a> {
    source: &'a Occupations,
    config: &'a GenerateConfig,
    seed: u64,
}

/// How the tasks are listed.
const MARKS: [&str; 5] = ["- ", "\u{2022} ", "* ", "#", ""];

impl<'a> Generator<'a> {
    /// A generator of jobs from the tasks of these occupations.
    ///
    /// # Errors
    /// When a setting makes no sense, or there is no task.
    pub fn new(source: &'a Occupations, config: &'a GenerateConfig, seed: u64) -> Result<Self> {
        config.validate()?;
        if (source.occupations.iter()).all(|occupation| occupation.tasks.is_empty()) {
            return Err(Error::NoJobs);
        }
        Ok(Self {
            source,
            config,
            seed,
        })
    }

    /// The job with this number, from 0.
    pub fn job(&self, number: u64) -> GeneratedJob {
        let Kind {
            copy_of,
            is_near_copy,
            mut draw,
        } = self.kind(number);
        // A copy of a copy copies what that one was made from, so that every job is made from one number.
        let mut copied = copy_of;
        while let Some(earlier) = copied.and_then(|earlier| self.kind(earlier).copy_of) {
            copied = Some(earlier);
        }
        let mut frame = Frame::new(self.seed, copied.unwrap_or(number));
        if copied.is_some() {
            if is_near_copy {
                frame.differ(&mut draw);
            } else {
                // Any mark but the one that the first has.
                let others: Vec<&str> = MARKS.into_iter().filter(|m| *m != frame.mark).collect();
                frame.mark = draw.pick(&others);
            }
        }
        let mut job = frame.write(self, copied.unwrap_or(number));
        job.job_id = format!("g{number}");
        if !self.has_group(number) {
            job.group_id = None;
        }
        job.copy_of = copied;
        job.is_near_copy = is_near_copy;
        job
    }

    fn kind(&self, number: u64) -> Kind {
        let mut draw = Draw::new(self.seed, &format!("kind {number}"));
        let share = share(&mut draw);
        let is_near_copy = number > 0 && share < self.config.near_copies;
        let is_copy = number > 0 && share < self.config.near_copies + self.config.copies;
        Kind {
            copy_of: is_copy.then(|| draw.number() % number),
            is_near_copy,
            draw,
        }
    }

    fn has_group(&self, number: u64) -> bool {
        let mut draw = Draw::new(self.seed, &format!("group {number}"));
        share(&mut draw) < self.config.groups
    }
}

/// What a job is made as.
struct Kind {
    /// The earlier job, which may be a copy itself.
    copy_of: Option<u64>,
    is_near_copy: bool,
    /// What is left of the stream.
    draw: Draw,
}

/// From 0 to less than 1.
fn share(draw: &mut Draw) -> f64 {
    draw.between(0, 999_999) as f64 / 1e6
}

/// What a job's text is made of, beside its tasks.
struct Frame {
    company: String,
    city: &'static str,
    mark: &'static str,
    /// Stands below the title.
    reference: Option<usize>,
    draw: Draw,
}

fn company(draw: &mut Draw) -> String {
    format!(
        "{} {} {}",
        draw.pick(&NAMES),
        draw.pick(&NAMES),
        draw.pick(&TRADES)
    )
}

/// Words of a text, about.
fn words(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b' ').count() + 1
}

impl Frame {
    fn new(seed: u64, number: u64) -> Self {
        let mut draw = Draw::new(seed, &format!("job {number}"));
        Self {
            company: company(&mut draw),
            city: draw.pick(&CITIES),
            mark: draw.pick(&MARKS),
            reference: None,
            draw,
        }
    }

    /// Changes a few words. Not every text names the company, so a reference is added too.
    fn differ(&mut self, draw: &mut Draw) {
        if let Some((names, _)) = self.company.rsplit_once(' ') {
            self.company = format!("{names} {}", draw.pick(&TRADES));
        }
        self.reference = Some(draw.between(10_000, 99_999));
    }

    fn filled(&mut self, phrases: &[&str], title: &str) -> String {
        let phrase = self.draw.pick(phrases);
        let n = self.draw.between(2, 60).to_string();
        (phrase.replace("{company}", &self.company))
            .replace("{city}", self.city)
            .replace("{title}", title)
            .replace("{n}", &n)
    }

    /// The job; `number` names the stream that its labels' evidence is drawn from.
    fn write(mut self, of: &Generator, number: u64) -> GeneratedJob {
        let occupations = &of.source.occupations;
        let main = &occupations[self.draw.between(0, occupations.len() - 1)];
        let mut text = format!("{}\n", main.title);
        if let Some(reference) = self.reference {
            text.push_str(&format!("Reference {reference}\n"));
        }
        text.push('\n');
        for phrases in [&OPENINGS[..], &REQUIREMENTS[..]] {
            text.push_str(&self.filled(phrases, &main.title));
            text.push(' ');
        }
        text.truncate(text.trim_end().len());
        text.push_str("\n\n");
        text.push_str(self.draw.pick(&HEADINGS));
        text.push('\n');
        let closing = format!(
            "{} {}",
            self.filled(&REQUIREMENTS, &main.title),
            self.filled(&CLOSINGS, &main.title)
        );

        let room = of
            .config
            .words
            .saturating_sub(words(&text) + words(&closing));
        let tasks = self.tasks(main, occupations, room);
        let mut labels: Vec<(String, Option<Range<usize>>)> = Vec::new();
        let mut evidence = Draw::new(of.seed, &format!("evidence {number}"));
        for (at, task) in tasks.into_iter().enumerate() {
            match self.mark {
                "#" => text.push_str(&format!("{}. ", at + 1)),
                mark => text.push_str(mark),
            }
            let start = text.len();
            text.push_str(&task.text);
            for activity in &task.activities {
                let shown = share(&mut evidence) < of.config.evidence;
                if labels.iter().all(|(known, _)| known != activity) {
                    labels.push((activity.clone(), shown.then_some(start..text.len())));
                }
            }
            text.push(if self.mark.is_empty() { ' ' } else { '\n' });
        }
        text.truncate(text.trim_end().len());
        text.push_str("\n\n");
        text.push_str(&closing);
        text.push('\n');
        GeneratedJob {
            job_id: String::new(),
            group_id: Some(main.code.clone()),
            text,
            labels,
            copy_of: None,
            is_near_copy: false,
        }
    }

    /// Different tasks, of the occupation and now and then of another, until the room is filled.
    fn tasks<'s>(
        &mut self,
        main: &'s Occupation,
        occupations: &'s [Occupation],
        room: usize,
    ) -> Vec<&'s Task> {
        let mut tasks: Vec<&Task> = Vec::new();
        let mut filled = 0;
        // Small sources have few tasks: no more tries than this.
        for _ in 0..50 {
            if filled >= room && !tasks.is_empty() {
                break;
            }
            let of = match self.draw.chance(40) {
                true => &occupations[self.draw.between(0, occupations.len() - 1)],
                false => main,
            };
            let Some(task) = of
                .tasks
                .get(self.draw.between(0, of.tasks.len().max(1) - 1))
            else {
                continue;
            };
            if !tasks.contains(&task) {
                filled += words(&task.text);
                tasks.push(task);
            }
        }
        tasks
    }
}
