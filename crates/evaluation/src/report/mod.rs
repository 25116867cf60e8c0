//! `report.html`: one page without a network, for people. Every number on it stands in `metrics.json` too.

mod chart;
mod html;
mod jobs;
mod page;
pub(crate) mod worst;

pub(crate) use page::page;

/// What the caller knows about a report, and evaluation does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportContext {
    /// The page's title, such as the name of the data.
    pub title: String,
    /// What it was made from: names with values, such as models, files and digests.
    pub lineage: Vec<(String, String)>,
    /// The attribution that the data's licence asks for, at the page's foot.
    pub attribution: String,
}
