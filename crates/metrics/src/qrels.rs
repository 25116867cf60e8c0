use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;

use crate::{Error, Result, trec};

/// Judgements: for each query, the grades of the documents that somebody judged.
///
/// A document with a grade above 0 is a positive. A document that was not judged counts as not relevant, as in
/// `trec_eval`.
///
/// The file format is TREC's: `query 0 document grade` on each line, columns separated by white space, the second
/// column read and thrown away. Writing goes in byte order of query, then document, so equal judgements are equal
/// bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Qrels {
    queries: BTreeMap<String, BTreeMap<String, i32>>,
}

impl Qrels {
    /// No judgements yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one judgement.
    ///
    /// # Errors
    /// [`Error::DuplicateDocument`] when the document is judged for that query already, with whatever grade.
    pub fn insert(&mut self, query: &str, document: &str, grade: i32) -> Result<()> {
        // Looked up by reference first: a query's id is copied once, not once for each of its documents.
        if !self.queries.contains_key(query) {
            self.queries.insert(query.to_owned(), BTreeMap::new());
        }
        let Some(grades) = self.queries.get_mut(query) else {
            return Ok(());
        };
        if grades.contains_key(document) {
            return Err(Error::DuplicateDocument {
                query: query.to_owned(),
                document: document.to_owned(),
            });
        }
        grades.insert(document.to_owned(), grade);
        Ok(())
    }

    /// Reads a qrels file.
    ///
    /// # Errors
    /// With file and line: a line that has not four columns or is not UTF-8, a grade that is not a whole number,
    /// a document judged twice for one query. Blank lines are skipped.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_from(trec::open(path)?, path)
    }

    /// Reads qrels from any reader; `name` stands in for the file's name in errors.
    ///
    /// # Errors
    /// As [`Qrels::read`].
    pub fn read_from(reader: impl BufRead, name: &Path) -> Result<Self> {
        let mut qrels = Self::new();
        trec::for_each_row(
            reader,
            name,
            "4 (query, 0, document, grade)",
            |[query, _, document, grade], _| {
                let value = grade.parse().map_err(|_| Error::BadGrade {
                    value: grade.to_owned(),
                })?;
                qrels.insert(query, document, value)
            },
        )?;
        Ok(qrels)
    }

    /// Writes a qrels file, in byte order of query, then document.
    ///
    /// # Errors
    /// [`Error::UnwritableId`] for an id that is empty or has white space in it; [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        self.write_to(trec::create(path)?, path)
    }

    /// Writes qrels to any writer; `name` stands in for the file's name in errors.
    ///
    /// # Errors
    /// As [`Qrels::write`].
    pub fn write_to(&self, mut out: impl Write, name: &Path) -> Result<()> {
        for (query, grades) in &self.queries {
            let query = trec::writable("query", query)?;
            for (document, grade) in grades {
                let document = trec::writable("document", document)?;
                writeln!(out, "{query} 0 {document} {grade}")
                    .map_err(|source| trec::io("write", name, source))?;
            }
        }
        trec::flush(out, name)
    }

    /// The grade of a document, if it was judged for that query.
    pub fn grade(&self, query: &str, document: &str) -> Option<i32> {
        self.queries.get(query)?.get(document).copied()
    }

    /// The judged documents of a query in byte order of their ids; none if the query is unknown.
    pub fn judged(&self, query: &str) -> impl Iterator<Item = (&str, i32)> {
        let grades = self.queries.get(query).into_iter().flatten();
        grades.map(|(document, grade)| (document.as_str(), *grade))
    }

    /// The queries with at least one judgement, in byte order of their ids.
    pub fn queries(&self) -> impl Iterator<Item = &str> {
        self.queries.keys().map(String::as_str)
    }

    /// Whether anything was judged for this query.
    pub fn contains(&self, query: &str) -> bool {
        self.queries.contains_key(query)
    }

    /// How many documents were judged, over all queries.
    pub fn len(&self) -> usize {
        self.queries.values().map(BTreeMap::len).sum()
    }

    /// Whether nothing was judged.
    pub fn is_empty(&self) -> bool {
        self.queries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_judged_once() {
        let mut qrels = Qrels::new();
        qrels.insert("q", "d", 1).unwrap();
        qrels.insert("r", "d", 1).unwrap();
        let error = qrels.insert("q", "d", 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "document `d` stands twice for query `q`: keep one of the two"
        );
        assert_eq!(qrels.len(), 2);
        assert_eq!(qrels.grade("q", "d"), Some(1));
        assert_eq!(qrels.grade("q", "e"), None);
    }
}
