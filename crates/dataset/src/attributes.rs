//! The attributes and their passages.

use std::collections::HashMap;

use jobmatch_records::{Definition, PassageTemplate};

use crate::{Error, Result};

/// The attributes, named by their row in the definitions.
pub(crate) struct Attributes<'a> {
    pub(crate) definitions: &'a [Definition],
    /// The passage of each.
    pub(crate) passages: Vec<String>,
    /// The class of each: the row of the first attribute whose passage says the same, without
    /// regard to case and white space. A text cannot be right for one and wrong for another.
    pub(crate) classes: Vec<u32>,
    rows: HashMap<&'a str, u32>,
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(
        definitions: &'a [Definition],
        template: &PassageTemplate,
    ) -> Result<Attributes<'a>> {
        let mut rows = HashMap::with_capacity(definitions.len());
        let mut firsts: HashMap<String, u32> = HashMap::with_capacity(definitions.len());
        let mut passages = Vec::with_capacity(definitions.len());
        let mut classes = Vec::with_capacity(definitions.len());
        for (row, definition) in (0u32..).zip(definitions) {
            let id = definition.attribute_id.as_str();
            if rows.insert(id, row).is_some() {
                return Err(Error::DuplicateId {
                    what: "attribute_id",
                    id: id.to_owned(),
                });
            }
            let passage = template.render(definition);
            let key = passage
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .to_lowercase();
            if key.is_empty() {
                return Err(Error::EmptyPassage {
                    attribute_id: id.to_owned(),
                    template: template.to_string(),
                });
            }
            classes.push(*firsts.entry(key).or_insert(row));
            passages.push(passage);
        }
        Ok(Attributes {
            definitions,
            passages,
            classes,
            rows,
        })
    }

    pub(crate) fn row(&self, attribute_id: &str) -> Option<u32> {
        self.rows.get(attribute_id).copied()
    }

    pub(crate) fn id(&self, row: u32) -> &'a str {
        &self.definitions[row as usize].attribute_id
    }

    pub(crate) fn class(&self, row: u32) -> u32 {
        self.classes[row as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.definitions.len()
    }

    /// Attributes that share their passage with an earlier one.
    pub(crate) fn same_passage(&self) -> usize {
        (0u32..)
            .zip(&self.classes)
            .filter(|&(row, &class)| row != class)
            .count()
    }
}
