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
    /// The whole text.
    pub text: String,
    /// What is right for it: each activity once, and where its task stands, for some.
    pub labels: Vec<(String, Option<Range<usize>>)>,
    /// The number of the earlier job that this one is a copy of.
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
        if source.occupations.is_empty() {
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
        let mut kind = Draw::new(self.seed, &format!("kind {number}"));
        let share = kind.between(0, 999_999) as f64 / 1e6;
        let is_near_copy = share < self.config.near_copies;
        let is_copy = is_near_copy || share < self.config.near_copies + self.config.copies;
        let copy_of = (is_copy && number > 0).then(|| kind.number() % number);
        let mut frame = Frame::new(self.seed, copy_of.unwrap_or(number));
        if let Some(first) = copy_of {
            if is_near_copy {
                frame.company = company(&mut kind);
            } else {
                let next = MARKS
                    .iter()
                    .position(|mark| *mark == frame.mark)
                    .unwrap_or(0)
                    + 1;
                frame.mark = MARKS[(next + first as usize % 3) % MARKS.len()];
            }
        }
        let mut job = frame.write(self, copy_of.unwrap_or(number));
        job.job_id = format!("g{number}");
        job.copy_of = copy_of;
        job.is_near_copy = is_near_copy && copy_of.is_some();
        job
    }
}

/// What a job's text is made of, beside its tasks.
struct Frame {
    company: String,
    city: &'static str,
    mark: &'static str,
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
            draw,
        }
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
        let mut text = format!("{}\n\n", main.title);
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
                let shown = evidence.between(0, 999_999) as f64 / 1e6 < of.config.evidence;
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
