use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;

use crate::hash::{self, Distinct};
use crate::order::descending_key;
use crate::{Error, Result, trec};

/// One document that a system returned for a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The document's id.
    pub document: String,
    /// The higher, the better; never NaN. Single precision, as `trec_eval` keeps it: scores that differ only
    /// beyond it are ties.
    pub score: f32,
}

/// What a system returned: for each query, its documents in rank order.
///
/// The order is `trec_eval`'s: score descending, and between equal scores document id descending, byte by byte.
/// The order in which documents arrive, and the rank column of a file, count for nothing.
///
/// The file format is TREC's: `query Q0 document rank score tag` on each line, columns separated by white space.
/// Scores are written so that they read back as the same number.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    queries: BTreeMap<String, Ranked>,
}

/// A query's documents in rank order.
#[derive(Debug, Clone, Default, PartialEq)]
struct Ranked {
    scored: Vec<Scored>,
    /// Half the hash of each id: what is looked up a thousand times finds most of it here, not in memory far away.
    hashes: Vec<u32>,
}

impl Run {
    /// No results yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds all documents of one query, in any order. No documents is a result too.
    ///
    /// # Errors
    /// [`Error::DuplicateQuery`], [`Error::DuplicateDocument`], [`Error::NanDocumentScore`]. Nothing is added then.
    pub fn insert(
        &mut self,
        query: &str,
        documents: impl IntoIterator<Item = (String, f32)>,
    ) -> Result<()> {
        if self.queries.contains_key(query) {
            return Err(Error::DuplicateQuery {
                query: query.to_owned(),
            });
        }
        // `-0.0` and `0.0` are one score; adding zero makes them one value too. Collected before anything is checked,
        // so that those of a vector need not be copied.
        let scored = documents.into_iter().map(|(document, score)| Scored {
            document,
            score: score + 0.0,
        });
        let scored: Vec<Scored> = scored.collect();
        if let Some(nan) = scored.iter().find(|scored| scored.score.is_nan()) {
            return Err(Error::NanDocumentScore {
                query: query.to_owned(),
                document: nan.document.clone(),
            });
        }
        let hashes =
            hashes_or_duplicate(&scored).map_err(|(first, _)| Error::DuplicateDocument {
                query: query.to_owned(),
                document: scored[first].document.clone(),
            })?;
        self.queries
            .insert(query.to_owned(), Ranked::new(scored, hashes));
        Ok(())
    }

    /// Reads a run file. A query's lines may stand anywhere in it.
    ///
    /// # Errors
    /// With file and line: a line that has not six columns or is not UTF-8, a score that is not a number (NaN is
    /// none), a document returned twice for one query. Blank lines are skipped.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_from(trec::open(path)?, path)
    }

    /// Reads a run from any reader; `name` stands in for the file's name in errors.
    ///
    /// # Errors
    /// As [`Run::read`].
    pub fn read_from(reader: impl BufRead, name: &Path) -> Result<Self> {
        struct Lines {
            scored: Vec<Scored>,
            numbers: Vec<u64>,
        }
        let mut queries: BTreeMap<String, Lines> = BTreeMap::new();
        trec::for_each_row(
            reader,
            name,
            "6 (query, Q0, document, rank, score, tag)",
            |[query, _, document, _, score, _], line| {
                let scored = Scored {
                    document: document.to_owned(),
                    score: parse_score(score)?,
                };
                if let Some(lines) = queries.get_mut(query) {
                    lines.scored.push(scored);
                    lines.numbers.push(line);
                } else {
                    let lines = Lines {
                        scored: vec![scored],
                        numbers: vec![line],
                    };
                    queries.insert(query.to_owned(), lines);
                }
                Ok(())
            },
        )?;
        let mut run = Self::new();
        for (query, Lines { scored, numbers }) in queries {
            match hashes_or_duplicate(&scored) {
                Ok(hashes) => {
                    run.queries.insert(query, Ranked::new(scored, hashes));
                }
                Err((_, second)) => {
                    let document = scored[second].document.clone();
                    let source = Error::DuplicateDocument { query, document };
                    return Err(trec::at_line(name, numbers[second], source));
                }
            }
        }
        Ok(run)
    }

    /// Writes a run file, in byte order of the queries, each in rank order. `tag` names the system.
    ///
    /// A query without documents leaves no line, so it does not come back on reading.
    ///
    /// # Errors
    /// [`Error::UnwritableId`] for an id or tag that is empty or has white space in it; [`Error::Io`].
    pub fn write(&self, path: &Path, tag: &str) -> Result<()> {
        self.write_to(trec::create(path)?, path, tag)
    }

    /// Writes a run to any writer; `name` stands in for the file's name in errors.
    ///
    /// # Errors
    /// As [`Run::write`].
    pub fn write_to(&self, mut out: impl Write, name: &Path, tag: &str) -> Result<()> {
        let tag = trec::writable("tag", tag)?;
        for (query, ranked) in &self.queries {
            let query = trec::writable("query", query)?;
            for (place, Scored { document, score }) in ranked.scored.iter().enumerate() {
                let document = trec::writable("document", document)?;
                let rank = place + 1;
                writeln!(out, "{query} Q0 {document} {rank} {score} {tag}")
                    .map_err(|source| trec::io("write", name, source))?;
            }
        }
        trec::flush(out, name)
    }

    /// The documents of a query in rank order; none if the query is unknown.
    pub fn ranked(&self, query: &str) -> &[Scored] {
        self.queries.get(query).map_or(&[], |ranked| &ranked.scored)
    }

    /// [`Run::ranked`], each document with half the hash of its id.
    pub(crate) fn hashed(&self, query: &str) -> impl ExactSizeIterator<Item = (&Scored, u32)> {
        let (scored, hashes): (&[Scored], &[u32]) = match self.queries.get(query) {
            Some(ranked) => (&ranked.scored, &ranked.hashes),
            None => (&[], &[]),
        };
        scored.iter().zip(hashes.iter().copied())
    }

    /// The queries, in byte order of their ids.
    pub fn queries(&self) -> impl Iterator<Item = &str> {
        self.queries.keys().map(String::as_str)
    }

    /// How many documents were returned, over all queries.
    pub fn len(&self) -> usize {
        self.queries
            .values()
            .map(|ranked| ranked.scored.len())
            .sum()
    }

    /// Whether there is no query.
    pub fn is_empty(&self) -> bool {
        self.queries.is_empty()
    }
}

impl Ranked {
    /// From documents in any order, and the hash of each id.
    ///
    /// By score first, as whole numbers: most of the order is decided without looking at an id, and no document is
    /// moved where they come in order.
    fn new(mut scored: Vec<Scored>, mut hashes: Vec<u32>) -> Self {
        let key = |scored: &Scored| descending_key(scored.score);
        if !scored.is_sorted_by_key(key) {
            let places: Vec<usize> = match u32::try_from(scored.len()) {
                Ok(_) => sorted(&scored, 0u32..)
                    .map(|place| place as usize)
                    .collect(),
                Err(_) => sorted(&scored, 0usize..).collect(),
            };
            hashes = places.iter().map(|&place| hashes[place]).collect();
            let moved = places.into_iter().map(|place| Scored {
                document: std::mem::take(&mut scored[place].document),
                score: scored[place].score,
            });
            scored = moved.collect();
        }
        let mut start = 0;
        for tied in scored.chunk_by_mut(|a, b| a.score == b.score) {
            if tied.len() > 1 {
                tied.sort_unstable_by(|a, b| b.document.cmp(&a.document));
                for (hash, scored) in hashes[start..].iter_mut().zip(&*tied) {
                    *hash = hash::of(&scored.document) as u32;
                }
            }
            start += tied.len();
        }
        Self { scored, hashes }
    }
}

/// The places of the documents by score descending. A pair of small numbers sorts faster than a document.
fn sorted<P: Copy>(scored: &[Scored], places: impl Iterator<Item = P>) -> impl Iterator<Item = P> {
    let keys = scored.iter().map(|scored| descending_key(scored.score));
    let mut pairs: Vec<(u32, P)> = keys.zip(places).collect();
    pairs.sort_unstable_by_key(|&(key, _)| key);
    pairs.into_iter().map(|(_, place)| place)
}

/// The positions of two entries with one document id, of all such pairs that whose second entry comes first; or else
/// half the hash of each id.
fn hashes_or_duplicate(scored: &[Scored]) -> std::result::Result<Vec<u32>, (usize, usize)> {
    let hashes: Vec<u64> = scored
        .iter()
        .map(|scored| hash::of(&scored.document))
        .collect();
    let halves = || hashes.iter().map(|&hash| hash as u32).collect();
    if Distinct::default().all(hashes.iter().copied()) {
        return Ok(halves());
    }
    let mut by_document: Vec<(&str, usize)> = scored
        .iter()
        .map(|s| s.document.as_str())
        .zip(0..)
        .collect();
    by_document.sort_unstable();
    let same = by_document.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let first = same
        .map(|pair| (pair[0].1, pair[1].1))
        .min_by_key(|&(_, second)| second);
    match first {
        Some(duplicate) => Err(duplicate),
        None => Ok(scored
            .iter()
            .map(|scored| hash::of(&scored.document) as u32)
            .collect()),
    }
}

/// Rounded once, straight to single precision: by way of a double, as `trec_eval` goes, a score such as `7.038531e-26`
/// would not come back as the number it was written from. The two ways differ for about one score in 2^29.
fn parse_score(text: &str) -> Result<f32> {
    match text.parse::<f32>() {
        Ok(score) if !score.is_nan() => Ok(score + 0.0),
        _ => Err(Error::BadScore {
            value: text.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(run: &Run, query: &str) -> Vec<String> {
        run.ranked(query)
            .iter()
            .map(|s| s.document.clone())
            .collect()
    }

    #[test]
    fn ties_go_by_document_id_descending() {
        let mut run = Run::new();
        let scores = [
            ("d1", 0.5),
            ("d3", 0.5),
            ("d2", 0.9),
            ("d10", 0.5),
            ("z", -0.0),
            ("a", 0.0),
        ];
        run.insert("q", scores.map(|(d, s)| (d.to_owned(), s)))
            .unwrap();
        assert_eq!(documents(&run, "q"), ["d2", "d3", "d10", "d1", "z", "a"]);
        assert!(run.ranked("other").is_empty());
    }

    #[test]
    fn what_cannot_be_ranked_is_refused() {
        let mut run = Run::new();
        let nan = run.insert("q", [("d".to_owned(), f32::NAN)]).unwrap_err();
        assert!(
            nan.to_string().contains("`d` for query `q` is NaN"),
            "{nan}"
        );
        let twice = run
            .insert("q", [("d".to_owned(), 1.0), ("d".to_owned(), 2.0)])
            .unwrap_err();
        assert!(matches!(twice, Error::DuplicateDocument { .. }));
        run.insert("q", []).unwrap();
        assert!(matches!(
            run.insert("q", []).unwrap_err(),
            Error::DuplicateQuery { .. }
        ));
    }

    #[test]
    fn the_first_repeated_line_is_named() {
        let text = "q Q0 b 1 2 t\nq Q0 a 1 3 t\n\nr Q0 a 1 3 t\nq Q0 a 1 3 t\nq Q0 b 1 2 t\n";
        let error = Run::read_from(text.as_bytes(), Path::new("x.run")).unwrap_err();
        assert_eq!(error.to_string(), "x.run, line 5");
    }
}
