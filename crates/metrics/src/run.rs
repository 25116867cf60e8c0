use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;

use crate::{Error, Result, hash, trec};

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
    queries: BTreeMap<String, Vec<Scored>>,
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
        let documents = documents.into_iter();
        let mut scored = Vec::with_capacity(documents.size_hint().0);
        for (document, score) in documents {
            if score.is_nan() {
                return Err(Error::NanDocumentScore {
                    query: query.to_owned(),
                    document,
                });
            }
            // `-0.0` and `0.0` are one score; adding zero makes them one value too.
            let score = score + 0.0;
            scored.push(Scored { document, score });
        }
        if let Some((first, _)) = first_duplicate(&scored) {
            return Err(Error::DuplicateDocument {
                query: query.to_owned(),
                document: scored[first].document.clone(),
            });
        }
        rank(&mut scored);
        self.queries.insert(query.to_owned(), scored);
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
        for (query, mut lines) in queries {
            if let Some((_, second)) = first_duplicate(&lines.scored) {
                let document = lines.scored[second].document.clone();
                let source = Error::DuplicateDocument { query, document };
                return Err(trec::at_line(name, lines.numbers[second], source));
            }
            rank(&mut lines.scored);
            run.queries.insert(query, lines.scored);
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
        for (query, documents) in &self.queries {
            let query = trec::writable("query", query)?;
            for (place, Scored { document, score }) in documents.iter().enumerate() {
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
        self.queries.get(query).map_or(&[], Vec::as_slice)
    }

    /// The queries, in byte order of their ids.
    pub fn queries(&self) -> impl Iterator<Item = &str> {
        self.queries.keys().map(String::as_str)
    }

    /// How many documents were returned, over all queries.
    pub fn len(&self) -> usize {
        self.queries.values().map(Vec::len).sum()
    }

    /// Whether there is no query.
    pub fn is_empty(&self) -> bool {
        self.queries.is_empty()
    }
}

/// By score first, as whole numbers: most of the order is decided without looking at an id.
fn rank(scored: &mut [Scored]) {
    scored.sort_by_cached_key(|scored| descending_key(scored.score));
    for tied in scored.chunk_by_mut(|a, b| a.score == b.score) {
        tied.sort_unstable_by(|a, b| b.document.cmp(&a.document));
    }
}

/// A number that falls as the score rises. The score is neither NaN nor `-0.0`.
fn descending_key(score: f32) -> u32 {
    let bits = score.to_bits();
    // The bits of positive numbers rise with them; those of negative ones, sign bit set, fall as they rise.
    if score < 0.0 {
        bits
    } else {
        !bits & (u32::MAX >> 1)
    }
}

/// The positions of two entries with one document id: of all such pairs, that whose second entry comes first.
fn first_duplicate(scored: &[Scored]) -> Option<(usize, usize)> {
    let mut hashes: Vec<(u64, usize)> = scored
        .iter()
        .map(|s| hash::of(&s.document))
        .zip(0..)
        .collect();
    hashes.sort_unstable();
    if hashes.windows(2).all(|pair| pair[0].0 != pair[1].0) {
        return None;
    }
    // Two equal hashes may still be two ids, so the ids decide.
    let mut by_document: Vec<(&str, usize)> = scored
        .iter()
        .map(|s| s.document.as_str())
        .zip(0..)
        .collect();
    by_document.sort_unstable();
    let same = by_document.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    same.map(|pair| (pair[0].1, pair[1].1))
        .min_by_key(|&(_, second)| second)
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
    fn keys_fall_as_scores_rise() {
        let scores = [
            f32::INFINITY,
            f32::MAX,
            1.5,
            1.0,
            1e-45,
            0.0,
            -1e-45,
            -1.0,
            -1.5,
            f32::MIN,
            f32::NEG_INFINITY,
        ];
        assert!(
            scores
                .windows(2)
                .all(|pair| descending_key(pair[0]) < descending_key(pair[1]))
        );
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
