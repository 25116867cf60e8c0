//! The whole evaluation in the order in which it happens.

use jobmatch_metrics::{Measure, Pool, Qrels, Run};
use jobmatch_records::{EvaluatedJob, Prediction, Split};

use crate::config::{EvaluationConfig, RetrievalSettings};
use crate::decision::Decision;
use crate::inputs::{Inputs, Prepared};
use crate::measure::{self, MAIN};
use crate::models::{PairScorer, Progress, QueryEmbedder, Step};
use crate::numbers::{JobMeasures, Metrics};
use crate::passages::PassageIndex;
use crate::queries::Queries;
use crate::ranked::{jobs, predictions, qrels, ranked, run};
use crate::report::worst::{self, WorstJob, worst_jobs};
use crate::retrieve::{Candidate, rerank, retrieve, retrieve_and};
use crate::systems::{self, pool};
use crate::threshold_mode::Above;
use crate::{Error, Result, choose, leaks, promises};

/// The models under evaluation, and the index that the bi-encoder made.
#[derive(Clone, Copy)]
pub struct Models<'a> {
    /// Passages and their vectors.
    pub passages: &'a PassageIndex,
    /// The bi-encoder.
    pub embedder: &'a dyn QueryEmbedder,
    /// The cross-encoder; `None` evaluates retrieval alone.
    pub scorer: Option<&'a dyn PairScorer>,
}

/// Where the decision comes from.
#[derive(Debug, Clone, Copy)]
pub enum How<'a> {
    /// Chosen on these jobs: never on golden. The half of dev that selects models
    /// ([`DevHalves`](jobmatch_dataset::DevHalves)) is set aside.
    Choose,
    /// Taken as it is.
    Apply(&'a Decision),
}

/// What came out. [`Evaluation::write`] writes it into a folder.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// All numbers.
    pub metrics: Metrics,
    /// The decision that was chosen or applied.
    pub decision: Decision,
    /// Every candidate of every job: jobs in byte order of their ids, each in rank order.
    pub predictions: Vec<Prediction>,
    /// Every job, in byte order of their ids.
    pub jobs: Vec<EvaluatedJob>,
    pub(crate) run: Run,
    pub(crate) qrels: Qrels,
    pub(crate) worst: Vec<WorstJob>,
}

/// Retrieves, re-ranks, decides and measures.
///
/// Jobs, attributes and pairs may come in any order, and the number of threads does not matter: the same inputs,
/// models, settings and seed give the same numbers.
///
/// # Errors
/// Settings that make no sense; no jobs or no positives in the split; labels of unknown jobs or attributes, or that
/// contradict each other; a decision to be chosen on golden, or one that was chosen with other models; an index of
/// another model; models that fail.
pub fn evaluate(
    inputs: &Inputs<'_>,
    models: &Models<'_>,
    how: How<'_>,
    config: &EvaluationConfig,
    progress: Progress<'_>,
) -> Result<Evaluation> {
    config.validate()?;
    let Models {
        passages,
        embedder,
        scorer,
    } = *models;
    let split = inputs.split;
    let settings = match how {
        How::Choose if split == Split::Golden => return Err(Error::ChooseOn { split }),
        How::Choose => config.retrieval(),
        How::Apply(decision) => {
            decision.check_models(embedder, scorer)?;
            decision.retrieval
        }
    };
    let choosing = matches!(how, How::Choose);
    let prepared = Prepared::new(inputs, passages, choosing, config.limit_jobs, config.seed)?;
    let leaks = leaks::check(&prepared.jobs, split, inputs.learned, config)?;

    let queries = Queries::new(&prepared.jobs, inputs.sentences, &settings)?;
    let lowest = config.cosine_thresholds.iter().copied().reduce(f32::min);
    // What an approximate index leaves out, it would leave out of this too: then the candidates must do.
    let mut above = lowest
        .filter(|_| passages.vectors().is_exact())
        .map(|lowest| Above::new(lowest, &queries));
    let mut candidates = retrieve_and(
        &queries,
        passages,
        embedder,
        &settings,
        progress,
        |first, vectors| match &mut above {
            Some(above) => above.add(passages, first, vectors),
            None => Ok(()),
        },
    )?;
    let reranked_pairs = match scorer {
        Some(scorer) => rerank(
            &mut candidates,
            &queries,
            passages,
            scorer,
            &settings,
            progress,
        )?,
        None => 0,
    };

    let mut systems = systems::floors(&prepared, passages, settings.candidates);
    if config.other_unit {
        let settings = RetrievalSettings {
            unit: settings.unit.other(),
            ..settings
        };
        let queries = Queries::new(&prepared.jobs, inputs.sentences, &settings)?;
        let mut hear = |_, done, total| progress(Step::RetrieveByOtherUnit, done, total);
        let candidates = retrieve(&queries, passages, embedder, &settings, &mut hear)?;
        systems.push(systems::by_unit(settings.unit, &candidates));
    }
    let (decision, alphas) = match how {
        How::Apply(decision) => (decision.clone(), Vec::new()),
        How::Choose => {
            let names = (embedder.fingerprint(), scorer.map(PairScorer::fingerprint));
            choose::scoring(&prepared, passages, &candidates, settings, names, split)?
        }
    };
    systems.extend(systems::modelled(&decision, &candidates));
    let mut decision = decision;
    if choosing {
        choose::thresholds(&mut decision, &systems, &prepared, passages, config)?;
    }

    let kinds = measure::kinds(inputs.definitions, passages);
    let ground = measure::Ground {
        prepared: &prepared,
        passages,
        kinds: &kinds,
        kept: settings.candidates,
        config,
    };
    progress(Step::Measure, 0, systems.len());
    let mut pools = Vec::with_capacity(systems.len());
    let mut measured = Vec::with_capacity(systems.len());
    for (number, system) in systems.iter().enumerate() {
        let pool = system.pool(&prepared, passages)?;
        let threshold = decision.system_thresholds.get(system.name).copied();
        measured.push(measure::system(system, &pool, threshold, &ground)?);
        pools.push(pool);
        progress(Step::Measure, number + 1, systems.len());
    }
    let named: Vec<(&str, &Pool)> = systems
        .iter()
        .map(|system| system.name)
        .zip(&pools)
        .collect();
    let (Some(last), Some(last_pool)) = (systems.last(), pools.last()) else {
        unreachable!("BM25 and the bi-encoder are always there");
    };
    let worst = worst_jobs(last_pool, config.worst_jobs);
    let of_candidates = || {
        let cosines =
            |list: &Vec<Candidate>| list.iter().map(|found| (found.row, found.bi)).collect();
        candidates.iter().map(cosines).collect()
    };
    let cosines: Vec<Vec<(u32, f32)>> = above.map_or_else(of_candidates, Above::found);
    let evaluated = measure::evaluated(
        split,
        &prepared,
        &queries,
        &candidates,
        passages.attributes().len(),
        reranked_pairs,
        config.seed,
    );
    let metrics = Metrics {
        schema_version: Metrics::SCHEMA_VERSION,
        verdict: measure::verdict(&evaluated, &measured),
        evaluated,
        retrieval: settings,
        chosen_here: choosing,
        leaks,
        differences: measure::differences(&named, &ground)?,
        systems: measured,
        ceiling: measure::ceiling(&candidates, &prepared, &settings),
        cosine_thresholds: measure::at_thresholds(
            &pool(&cosines, &prepared, passages)?,
            &config.cosine_thresholds,
        )?,
        promises: promises::kept(&decision.recall_promises, last_pool, &prepared, config)?,
        alphas,
        proof: measure::proof(&candidates, &prepared, settings.unit),
        attributes: measure::attributes(last_pool, decision.threshold, &ground)?,
        worst_jobs: worst
            .iter()
            .map(|&job| JobMeasures {
                job_id: prepared.jobs[job].job_id.clone(),
                r_precision_at_5: MAIN.of(&last_pool.rankings()[job]),
                average_precision: Measure::AveragePrecision.of(&last_pool.rankings()[job]),
            })
            .collect(),
    };
    let ranked = ranked(last, last_pool, &candidates, passages);
    let worst = worst
        .into_iter()
        .map(|job| worst::shown(job, &prepared, passages, &ranked[job], decision.threshold))
        .collect();
    Ok(Evaluation {
        predictions: predictions(&ranked, &prepared, passages, decision.threshold),
        jobs: jobs(&ranked, &prepared, &queries, decision.threshold),
        run: run(&ranked, &prepared, passages)?,
        qrels: qrels(&prepared, passages)?,
        metrics,
        decision,
        worst,
    })
}
