//! New jobs to their attributes: the path of an evaluation, without its labels.

use std::cell::Cell;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use jobmatch_records::{Job, Match};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::decision::Decision;
use crate::evaluate::Models;
use crate::models::{ModelError, Progress, QueryEmbedder};
use crate::queries::Queries;
use crate::retrieve::{Candidate, rerank, retrieve};

/// Which of a job's candidates become matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Those below the decision's threshold too.
    pub all: bool,
    /// At most so many of a job, the best first.
    pub top: usize,
    /// So many of a job none of whose candidates reaches the threshold, the best first.
    pub nearest: usize,
}

impl Default for Wanted {
    /// All that are decided, and no others.
    fn default() -> Self {
        Self {
            all: false,
            top: usize::MAX,
            nearest: 0,
        }
    }
}

/// Finds the attributes that jobs ask for: sentences, retrieval, re-ranking and decision as [`evaluate`](crate::evaluate) has them,
/// so that a job's scores, ranks and decisions here are those of its predictions there.
///
/// ```no_run
/// # use jobmatch_evaluation::{Decision, Matcher, Models, Result};
/// # fn demo(models: Models<'_>, decision: &Decision, jobs: &[jobmatch_records::Job]) -> Result<()> {
/// let matcher = Matcher::new(models, decision)?;
/// for matches in matcher.matches(jobs, &mut |_, _, _| {})?.of_job {
///     for found in matches {
///         println!("{:.3} {}: {}", found.score, found.name, found.sentence);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Matcher<'a> {
    models: Models<'a>,
    decision: &'a Decision,
    wanted: Wanted,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matched {
    /// Of each job, in the order in which they were given: what was wanted, best first. A job without any sentence has none.
    pub of_job: Vec<Vec<Match>>,
    /// How many there were of what.
    pub counts: MatchCounts,
    /// Where the time went.
    pub times: MatchTimes,
}

/// How many there were of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchCounts {
    /// Jobs given.
    pub jobs: u64,
    /// Those without any sentence, since their text is blank.
    pub jobs_without_sentences: u64,
    /// Those for which nothing was decided, with those without sentences.
    pub jobs_without_attributes: u64,
    /// Sentences (at job unit: windows) searched for.
    pub sentences: u64,
    /// Distinct texts among those that were searched at once: each was embedded once.
    pub distinct_texts: u64,
    /// Pairs that the cross-encoder scored.
    pub reranked_pairs: u64,
    /// Attributes found, before the decision.
    pub candidates: u64,
    /// Attributes decided.
    pub decided: u64,
}

impl AddAssign for MatchCounts {
    fn add_assign(&mut self, other: Self) {
        self.jobs += other.jobs;
        self.jobs_without_sentences += other.jobs_without_sentences;
        self.jobs_without_attributes += other.jobs_without_attributes;
        self.sentences += other.sentences;
        self.distinct_texts += other.distinct_texts;
        self.reranked_pairs += other.reranked_pairs;
        self.candidates += other.candidates;
        self.decided += other.decided;
    }
}

/// Where the time went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MatchTimes {
    /// Cutting texts into sentences.
    pub segment: Duration,
    /// In the bi-encoder.
    pub embed: Duration,
    /// Searching the index, and merging a job's sentences.
    pub search: Duration,
    /// In the cross-encoder.
    pub rerank: Duration,
    /// Final scores, ranks, and the rows.
    pub decide: Duration,
}

impl AddAssign for MatchTimes {
    fn add_assign(&mut self, other: Self) {
        self.segment += other.segment;
        self.embed += other.embed;
        self.search += other.search;
        self.rerank += other.rerank;
        self.decide += other.decide;
    }
}

impl<'a> Matcher<'a> {
    /// A matcher for what is decided.
    ///
    /// # Errors
    /// [`Error::ForeignDecision`](crate::Error::ForeignDecision) and [`Error::ForeignIndex`](crate::Error::ForeignIndex), when decision
    /// or index were made with other models.
    pub fn new(models: Models<'a>, decision: &'a Decision) -> Result<Self> {
        decision.check_models(models.embedder, models.scorer)?;
        models.passages.check_model(models.embedder)?;
        Ok(Self {
            models,
            decision,
            wanted: Wanted::default(),
        })
    }

    /// The same for other candidates.
    pub fn wanting(self, wanted: Wanted) -> Self {
        Self { wanted, ..self }
    }

    /// The decision.
    pub fn decision(&self) -> &Decision {
        self.decision
    }

    /// Whether a cross-encoder scores pairs: the last step that `progress` of [`matches`](Self::matches) hears of.
    pub fn reranks(&self) -> bool {
        self.models.scorer.is_some()
    }

    /// What each of `jobs` asks for. Jobs are independent of each other, and ids may repeat; a text that stands in several of them
    /// is embedded once.
    ///
    /// # Errors
    /// Models that fail.
    pub fn matches(&self, jobs: &[Job], progress: Progress<'_>) -> Result<Matched> {
        let Models {
            passages,
            embedder,
            scorer,
        } = self.models;
        let settings = &self.decision.retrieval;
        let mut times = MatchTimes::default();
        let mut clock = Instant::now();
        let mut lap = || std::mem::replace(&mut clock, Instant::now()).elapsed();

        let given: Vec<&Job> = jobs.iter().collect();
        let queries = Queries::new(&given, None, settings)?;
        times.segment = lap();
        let timed = Timed {
            embedder,
            spent: Cell::default(),
        };
        let mut candidates = retrieve(&queries, passages, &timed, settings, progress)?;
        times.embed = timed.spent.get();
        times.search = lap().saturating_sub(times.embed);
        let mut counts = MatchCounts {
            jobs: jobs.len() as u64,
            sentences: queries.of_job.iter().map(|list| list.len() as u64).sum(),
            distinct_texts: queries.texts.len() as u64,
            ..MatchCounts::default()
        };
        if let Some(scorer) = scorer {
            let pairs = rerank(
                &mut candidates,
                &queries,
                passages,
                scorer,
                settings,
                progress,
            )?;
            counts.reranked_pairs = pairs as u64;
        }
        times.rerank = lap();

        let mut of_job = Vec::with_capacity(jobs.len());
        for ((job, list), queries) in jobs.iter().zip(&candidates).zip(&queries.of_job) {
            let ranked = self.ranked(list);
            let decided = ranked.partition_point(|(_, score)| self.decides(*score));
            counts.jobs_without_sentences += u64::from(queries.is_empty());
            counts.jobs_without_attributes += u64::from(decided == 0);
            counts.candidates += list.len() as u64;
            counts.decided += decided as u64;
            let kept = match (self.wanted.all, decided) {
                (true, _) => ranked.len(),
                (false, 0) => self.wanted.nearest,
                (false, decided) => decided,
            };
            let kept = ranked.iter().take(kept.min(self.wanted.top));
            let matches = (1u32..).zip(kept);
            let matches = matches.map(|(rank, (found, score))| self.row(job, rank, found, *score));
            of_job.push(matches.collect());
        }
        times.decide = lap();
        Ok(Matched {
            of_job,
            counts,
            times,
        })
    }

    fn decides(&self, score: f32) -> bool {
        score >= self.decision.threshold
    }

    /// A job's candidates with their final scores in the order that is measured: equal scores by attribute id descending.
    fn ranked<'c>(&self, list: &'c [Candidate]) -> Vec<(&'c Candidate, f32)> {
        let pairs: Vec<_> = list.iter().map(|found| (found.bi, found.cross)).collect();
        let mut ranked: Vec<_> = list.iter().zip(self.decision.scores(&pairs)).collect();
        let order = |found: &Candidate| self.models.passages.order(found.row);
        // The sum makes `-0.0` equal to `0.0`, as measures have it.
        ranked.sort_by(|(a, of_a), (b, of_b)| {
            let scores = (of_b + 0.0).total_cmp(&(of_a + 0.0));
            scores.then_with(|| order(b).cmp(&order(a)))
        });
        ranked
    }

    fn row(&self, job: &Job, rank: u32, found: &Candidate, score: f32) -> Match {
        let attribute = &self.models.passages.attributes()[found.row as usize];
        let (start, end) = (found.proof.start, found.proof.end);
        // The segmenter gives ranges of this very text.
        let sentence = job.text.get(start as usize..end as usize);
        Match {
            attribute_id: attribute.attribute_id.clone(),
            name: attribute.name.clone(),
            rank,
            score,
            bi_score: found.bi,
            cross_score: found.cross,
            decided: self.decides(score),
            sentence_start: start,
            sentence_end: end,
            sentence: sentence.unwrap_or_default().to_owned(),
        }
    }
}

/// An embedder under a stop-watch.
struct Timed<'a> {
    embedder: &'a dyn QueryEmbedder,
    spent: Cell<Duration>,
}

impl QueryEmbedder for Timed<'_> {
    fn dimension(&self) -> usize {
        self.embedder.dimension()
    }

    fn fingerprint(&self) -> &str {
        self.embedder.fingerprint()
    }

    fn embed_queries(
        &self,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> std::result::Result<Vec<f32>, ModelError> {
        let begun = Instant::now();
        let vectors = self.embedder.embed_queries(texts, progress);
        self.spent.set(self.spent.get() + begun.elapsed());
        vectors
    }

    fn embed_passages(
        &self,
        texts: &[&str],
        progress: &mut dyn FnMut(usize),
    ) -> std::result::Result<Vec<f32>, ModelError> {
        self.embedder.embed_passages(texts, progress)
    }
}
