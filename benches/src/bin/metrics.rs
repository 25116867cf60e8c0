//! Ranking measures of many queries, beside pytrec_eval in the same run on the same data.
//!
//! `JOBMATCH_PEER_PYTHON=python cargo run --release -p jobmatch-benches --bin metrics [QUERIES]`: 100,000 queries
//! unless given, each with 1,000 results and 10 positives, 8 of which are among the results; recall@1, 5, 10, 50, 100,
//! P@5, 10, MRR, MAP, nDCG@10. The peer is measured where the variable names a Python with it
//! (`pip install pytrec-eval-terrier==0.5.11`), and must give the same means.
//!
//! The queries come 2,000 at a time, since the peer's dictionaries of all of them would not fit into memory. Timed is
//! what the table names, from results in memory (vectors here, dictionaries there) to the measures of each query, and
//! their means here; the qrels are prepared on both sides, and how data are made, copied, sent or thrown away is not
//! timed. One thread on both sides.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

use std::error::Error;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use jobmatch_metrics::{Candidate, Measure, Pool, Qrels, Run, evaluate};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const QUERIES: usize = 100_000;
const CHUNK: usize = 2_000;
const RESULTS: usize = 1_000;
const DOCUMENTS: usize = 20_000;
/// The grades of a query's positives; the last ones are not retrieved.
const GRADES: [i32; 10] = [1, 2, 1, 1, 2, 1, 1, 1, 1, 2];
const RETRIEVED: usize = 8;
const MEASURES: [Measure; 10] = [
    Measure::Recall(1),
    Measure::Recall(5),
    Measure::Recall(10),
    Measure::Recall(50),
    Measure::Recall(100),
    Measure::Precision(5),
    Measure::Precision(10),
    Measure::ReciprocalRank,
    Measure::AveragePrecision,
    Measure::Ndcg(10),
];
/// Takes a line of judgements and runs at a time; prints the seconds of `evaluate`, and the sum of each measure.
const PEER: &str = r"
import gc, json, sys, time
import pytrec_eval
wanted = {'recall.1,5,10,50,100', 'P.5,10', 'recip_rank', 'map', 'ndcg_cut.10'}
names = ['recall_1', 'recall_5', 'recall_10', 'recall_50', 'recall_100']
names += ['P_5', 'P_10', 'recip_rank', 'map', 'ndcg_cut_10']
gc.disable()
for line in sys.stdin:
    qrels, runs = json.loads(line)
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, wanted)
    seconds = []
    for run in runs:
        begun = time.perf_counter()
        found = evaluator.evaluate(run)
        seconds.append(time.perf_counter() - begun)
    print(*seconds, *(sum(values[name] for values in found.values()) for name in names), flush=True)
";

/// A query's results as numbers, in rank order and in any order, and its positives that were not retrieved.
struct Query {
    ranked: Vec<Candidate>,
    shuffled: Vec<Candidate>,
    missed: Vec<(u32, i32)>,
}

/// Seconds by row of the table.
#[derive(Default)]
struct Seconds {
    /// Results in rank order, then in any order.
    pool: [f64; 2],
    run: [f64; 2],
    peer: [f64; 2],
    evaluate: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let queries = std::env::args()
        .nth(1)
        .map_or(Ok(QUERIES), |text| text.parse())?;
    let mut peer = match std::env::var_os("JOBMATCH_PEER_PYTHON") {
        Some(python) => Some(Peer::start(&python)?),
        None => None,
    };
    let mut random = ChaCha8Rng::seed_from_u64(42);
    let mut seconds = Seconds::default();
    let mut done = 0;
    while done < queries {
        let size = CHUNK.min(queries - done);
        let chunk: Vec<Query> = (0..size as u32)
            .map(|query| make(&mut random, query))
            .collect();
        let means = ours(&chunk, &mut seconds)?;
        if let Some(peer) = &mut peer {
            let found = peer.measure(&chunk, &mut seconds)?;
            for ((measure, mean), sum) in MEASURES.iter().zip(means).zip(found) {
                let theirs = sum / size as f64;
                if (mean - theirs).abs() > 1e-9 {
                    return Err(format!("{measure}: {mean}, the peer says {theirs}").into());
                }
            }
        }
        done += size;
    }
    print(queries, &seconds);
    Ok(())
}

/// From 0 to `end`, excluded.
fn below(random: &mut ChaCha8Rng, end: usize) -> usize {
    (random.next_u32() as usize * end) >> 32
}

fn shuffle<T>(random: &mut ChaCha8Rng, items: &mut [T]) {
    for place in (1..items.len()).rev() {
        items.swap(place, below(random, place + 1));
    }
}

/// Distinct documents with scores of four digits, so that some are ties; positives score higher on average.
fn make(random: &mut ChaCha8Rng, query: u32) -> Query {
    let mut taken = vec![false; DOCUMENTS];
    let mut documents = Vec::new();
    while documents.len() < RESULTS + GRADES.len() - RETRIEVED {
        let document = below(random, DOCUMENTS);
        if !taken[document] {
            taken[document] = true;
            documents.push(document as u32);
        }
    }
    let missed = documents.split_off(RESULTS);
    let mut shuffled: Vec<Candidate> = (0..)
        .zip(documents)
        .map(|(place, document)| {
            let grade = if place < RETRIEVED { GRADES[place] } else { 0 };
            let gain = if grade > 0 { 4_000 } else { 0 };
            let score = (below(random, 6_000) + gain) as f32 / 1e4;
            Candidate {
                query,
                document,
                score,
                grade,
            }
        })
        .collect();
    shuffle(random, &mut shuffled);
    let mut ranked = shuffled.clone();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    let missed = missed
        .into_iter()
        .zip(GRADES[RETRIEVED..].iter().copied())
        .collect();
    Query {
        ranked,
        shuffled,
        missed,
    }
}

fn query_id(number: usize) -> String {
    format!("job-{number:06}")
}

fn document_id(number: u32) -> String {
    format!("attribute-{number:05}")
}

/// Measures both ways; gives the means of the measures.
fn ours(chunk: &[Query], seconds: &mut Seconds) -> Result<Vec<f64>, Box<dyn Error>> {
    let positives = vec![GRADES.to_vec(); chunk.len()];
    let mut qrels = Qrels::new();
    for (number, query) in chunk.iter().enumerate() {
        let id = query_id(number);
        let found = query.ranked.iter().filter(|candidate| candidate.grade > 0);
        let found = found.map(|candidate| (candidate.document, candidate.grade));
        for (document, grade) in found.chain(query.missed.iter().copied()) {
            qrels.insert(&id, &document_id(document), grade)?;
        }
    }
    let mut means = Vec::new();
    for order in 0..2 {
        let results = |query: &Query| {
            if order == 0 {
                query.ranked.clone()
            } else {
                query.shuffled.clone()
            }
        };
        let candidates: Vec<Candidate> = chunk.iter().flat_map(results).collect();
        let begun = Instant::now();
        let pool = Pool::new(candidates, &positives)?;
        let of_pool: Vec<f64> = MEASURES
            .iter()
            .map(|measure| measure.mean(pool.rankings()).unwrap_or(f64::NAN))
            .collect();
        seconds.pool[order] += begun.elapsed().as_secs_f64();

        let by_id: Vec<(String, Vec<(String, f32)>)> = chunk
            .iter()
            .enumerate()
            .map(|(number, query)| {
                let scored = results(query)
                    .into_iter()
                    .map(|c| (document_id(c.document), c.score));
                (query_id(number), scored.collect())
            })
            .collect();
        let begun = Instant::now();
        let mut run = Run::new();
        for (query, scored) in by_id {
            run.insert(&query, scored)?;
        }
        let built = begun.elapsed().as_secs_f64();
        let evaluation = evaluate(&run, &qrels, &MEASURES)?;
        let all = begun.elapsed().as_secs_f64();
        seconds.run[order] += all;
        seconds.evaluate += (all - built) / 2.0;
        means = evaluation.means.ok_or("no query")?;
        if means
            .iter()
            .zip(&of_pool)
            .any(|(a, b)| (a - b).abs() > 1e-12)
        {
            return Err("the pool and the run differ".into());
        }
    }
    Ok(means)
}

/// pytrec_eval in a process of its own.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(python: &std::ffi::OsStr) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(python)
            .args(["-c", PEER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no pipe")?;
        let output = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        Ok(Self {
            child,
            input,
            output,
        })
    }

    /// The sums of the measures.
    fn measure(
        &mut self,
        chunk: &[Query],
        seconds: &mut Seconds,
    ) -> Result<Vec<f64>, Box<dyn Error>> {
        let object = |rows: &mut dyn Iterator<Item = (u32, String)>| {
            let rows: Vec<String> = rows
                .map(|(d, value)| format!("\"{}\":{value}", document_id(d)))
                .collect();
            format!("{{{}}}", rows.join(","))
        };
        let table = |of: &dyn Fn(&Query) -> String| -> Result<String, std::fmt::Error> {
            let mut text = String::from("{");
            for (number, query) in chunk.iter().enumerate() {
                let comma = if number == 0 { "" } else { "," };
                write!(text, "{comma}\"{}\":{}", query_id(number), of(query))?;
            }
            Ok(text + "}")
        };
        let qrels = table(&|query| {
            let found = query.ranked.iter().filter(|candidate| candidate.grade > 0);
            let found = found.map(|candidate| (candidate.document, candidate.grade));
            let all = found.chain(query.missed.iter().copied());
            object(&mut all.map(|(document, grade)| (document, grade.to_string())))
        })?;
        let scored = |candidates: &[Candidate]| {
            object(&mut candidates.iter().map(|c| (c.document, c.score.to_string())))
        };
        let ranked = table(&|query| scored(&query.ranked))?;
        let shuffled = table(&|query| scored(&query.shuffled))?;
        writeln!(self.input, "[{qrels},[{ranked},{shuffled}]]")?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let numbers: Vec<f64> = line
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let [ranked, shuffled, sums @ ..] = numbers.as_slice() else {
            return Err("the peer printed no figures".into());
        };
        seconds.peer[0] += ranked;
        seconds.peer[1] += shuffled;
        Ok(sums.to_vec())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends with its input; one that does not is of no use any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn print(queries: usize, seconds: &Seconds) {
    println!(
        "{:<42} {:>9} {:>12} {:>9}",
        "", "seconds", "results/s", "ratio"
    );
    let results = (queries * RESULTS) as f64;
    let row = |name: &str, taken: f64, peer: f64| {
        println!(
            "{name:<42} {taken:>9.2} {:>12.0} {:>9.1}",
            results / taken,
            peer / taken
        );
    };
    for (order, name) in ["in rank order", "in any order"].into_iter().enumerate() {
        println!("results {name}");
        let peer = seconds.peer[order];
        row("  numbers: Pool::new, measures", seconds.pool[order], peer);
        row("  ids: Run::insert, evaluate", seconds.run[order], peer);
        row(
            "  ids: evaluate alone, either order",
            seconds.evaluate,
            peer,
        );
        if peer > 0.0 {
            row("  pytrec_eval: evaluate", peer, peer);
        }
    }
}
