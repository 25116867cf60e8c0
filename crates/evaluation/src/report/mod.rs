//! `report.html`: one page without a network, for people. A file for each section; every number of the evaluation on it
//! stands in `metrics.json` too.

mod attributes;
mod chart;
mod curves;
mod html;
mod lineage;
mod mistakes;
mod overview;
mod promises;
mod slices;
mod systems;
mod tables;
pub(crate) mod worst;

use maud::{DOCTYPE, PreEscaped, html};

use crate::Result;
use crate::evaluate::Evaluation;

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

/// Nothing is fetched, whatever stands in the texts.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// The whole page.
pub(crate) fn page(evaluation: &Evaluation, context: &ReportContext) -> Result<String> {
    let metrics = &evaluation.metrics;
    let split = metrics.evaluated.split.name();
    let title = match context.title.as_str() {
        "" => format!("Evaluation on {split}"),
        title => format!("{title}: evaluation on {split}"),
    };
    let sections = [
        systems::section(metrics),
        lineage::section(evaluation, context),
        curves::section(metrics, evaluation.decision.threshold)?,
        tables::section(metrics),
        slices::section(metrics),
        attributes::section(metrics),
        mistakes::section(metrics, &evaluation.worst),
    ];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                a.skip href="#main" { "Skip to the numbers" }
                header {
                    h1 { (title) }
                    (overview::overview(metrics))
                }
                nav aria-label="Contents" {
                    ul {
                        @for section in &sections {
                            li { a href={ "#" (section.id) } { (section.heading) } }
                        }
                    }
                }
                main id="main" tabindex="-1" {
                    @for section in &sections {
                        section id=(section.id) aria-labelledby={ (section.id) "-heading" } {
                            h2 id={ (section.id) "-heading" } { (section.heading) }
                            (section.body)
                        }
                    }
                }
                footer {
                    @if !context.attribution.is_empty() { p { (context.attribution) } }
                    p {
                        "Every number of this page stands in " code { "metrics.json" } " beside it; the candidates of every \
                         job in " code { "predictions.parquet" } ", the decision in " code { "decision.json" } "."
                    }
                }
                script { (PreEscaped(include_str!("attributes.js"))) }
            }
        }
    };
    Ok(html::without_controls(page.into_string()))
}
