//! The page's structure, read by an HTML parser.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::collections::BTreeSet;

use jobmatch_evaluation::{Evaluation, How, ReportContext};
use jobmatch_records::Split;
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;
use support::*;

/// Breaks a page that does not escape it, in text, in an attribute or in a script.
const NASTY: &str = "</script><script>alert(1)</script><!-- \" onload='x' <b>&amp;";

struct Page {
    html: Html,
    text: String,
    metrics: Value,
    evaluation: Evaluation,
}

impl Page {
    /// Golden with all five systems, and names and texts that are no good HTML.
    fn new() -> Self {
        let mut setting = Setting::new();
        setting.definitions[5].name = format!("bake crates {NASTY}");
        setting.passages = index(&setting.definitions, &setting.embedder);
        for job in &mut setting.jobs {
            job.text.push_str(&format!("A last line: {NASTY}\u{7}\r\n"));
            job.title = Some(NASTY.to_owned());
        }
        let scorer = Scorer::new("overlap", overlap);
        let decision = dev_decision(&setting, Some(&scorer));
        let evaluation = setting
            .run(
                Split::Golden,
                Some(&scorer),
                How::Apply(&decision),
                &config(),
            )
            .unwrap();
        Self::of(evaluation)
    }

    fn of(evaluation: Evaluation) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let context = ReportContext {
            title: NASTY.to_owned(),
            lineage: vec![(NASTY.to_owned(), NASTY.to_owned())],
            attribution: NASTY.to_owned(),
        };
        evaluation.write(folder.path(), &context).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let text = read("report.html");
        Self {
            html: Html::parse_document(&text),
            metrics: serde_json::from_str(&read("metrics.json")).unwrap(),
            text,
            evaluation,
        }
    }

    fn all(&self, selector: &str) -> Vec<ElementRef<'_>> {
        let selector = Selector::parse(selector).unwrap();
        self.html.select(&selector).collect()
    }
}

fn within<'a>(element: &ElementRef<'a>, selector: &str) -> Vec<ElementRef<'a>> {
    let selector = Selector::parse(selector).unwrap();
    element.select(&selector).collect()
}

/// The text with one space where there is any white space.
fn text(element: &ElementRef<'_>) -> String {
    let words: Vec<String> = element
        .text()
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect();
    words.join(" ")
}

fn attribute<'a>(element: &ElementRef<'a>, name: &str) -> &'a str {
    element.value().attr(name).unwrap_or_default()
}

#[test]
fn the_page_is_whole_and_can_be_read_aloud() {
    let page = Page::new();
    assert_eq!(page.html.errors, Vec::<String>::new());
    let ids: Vec<&str> = page
        .all("[id]")
        .iter()
        .map(|it| attribute(it, "id"))
        .collect();
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "{ids:?}");
    for reference in ["aria-labelledby", "aria-describedby", "for"] {
        for element in page.all(&format!("[{reference}]")) {
            assert!(
                unique.contains(attribute(&element, reference)),
                "{}",
                element.html()
            );
        }
    }
    for link in page.all("a") {
        let target = attribute(&link, "href").strip_prefix('#').unwrap();
        assert!(unique.contains(target), "{target}");
    }
    for heading in page.all("th") {
        let scope = attribute(&heading, "scope");
        assert!(
            ["col", "row", "rowgroup"].contains(&scope),
            "{}",
            heading.html()
        );
    }
    for table in page.all("table") {
        assert!(!text(&within(&table, "caption")[0]).is_empty());
        let columns = within(&table, "thead th").len();
        for row in within(&table, "tbody tr:not(.group)") {
            assert_eq!(within(&row, "th, td").len(), columns, "{}", row.html());
        }
    }
    let charts = page.all("svg");
    assert_eq!(charts.len(), 4);
    for chart in charts {
        assert_eq!(attribute(&chart, "role"), "img");
        for part in ["title", "desc"] {
            assert!(!text(&within(&chart, part)[0]).is_empty());
        }
    }
    // No level of headings is left out on the way down.
    let mut level = 0;
    for heading in page.all("h1, h2, h3, h4, h5, h6") {
        let own: u32 = heading.value().name()[1..].parse().unwrap();
        assert!(
            own <= level + 1 && !text(&heading).is_empty(),
            "{}",
            heading.html()
        );
        level = own;
    }
    assert_eq!(page.all("h1").len(), 1);
}

#[test]
fn nothing_of_a_text_is_markup_and_nothing_is_fetched() {
    let page = Page::new();
    let scripts = page.all("script");
    assert_eq!(scripts.len(), 1);
    let script = include_str!("../src/report/attributes.js");
    assert_eq!(scripts[0].text().collect::<String>(), script);
    assert!(
        page.all("b, [onload], [src], link, iframe, object, base")
            .is_empty()
    );
    assert!(!page.text.contains('\u{7}') && page.text.contains('\u{fffd}'));
    let names: Vec<String> = page
        .all("#attributes-table tbody th")
        .iter()
        .map(text)
        .collect();
    assert!(names.contains(&format!("bake crates {NASTY}")), "{names:?}");
    assert_eq!(
        text(&page.all("h1")[0]),
        format!("{NASTY}: evaluation on golden")
    );
    // The only address is a name.
    assert_eq!(
        page.text.matches("http").count(),
        page.text.matches("http://www.w3.org/2000/svg").count()
            + page.text.matches("http-equiv").count()
    );
}

#[test]
fn every_number_of_the_main_table_stands_in_the_metrics() {
    let page = Page::new();
    let table = &page.all("#systems-table")[0];
    let headings: Vec<String> = within(table, "thead th").iter().map(text).collect();
    let percent = |value: &Value| format!("{:.1}", value.as_f64().unwrap() * 100.0);
    let mut checked = 0;
    for (place, row) in within(table, "tbody tr").iter().enumerate() {
        let system = &page.metrics["systems"][place];
        assert_eq!(
            text(&within(row, "th")[0]),
            system["name"].as_str().unwrap()
        );
        for (heading, cell) in headings[1..].iter().zip(within(row, "td")) {
            let (name, value) = match heading.as_str() {
                "MRR" => ("reciprocal_rank", &system["ranking"]["reciprocal_rank"]),
                "Precision" | "Recall" | "F1" => {
                    let name = match heading.as_str() {
                        "Precision" => "precision",
                        "Recall" => "recall",
                        _ => "f1",
                    };
                    (name, &system["decided"]["quality"][name])
                }
                other => {
                    let name = match other {
                        "R-precision@5" => "r_precision@5",
                        "nDCG@10" => "ndcg@10",
                        "Recall@10" => "recall@10",
                        _ => "recall@100",
                    };
                    (name, &system["ranking"][name])
                }
            };
            let interval = &system["intervals"][name];
            let expected = match interval {
                Value::Null => percent(value),
                _ => format!(
                    "{} {}–{}",
                    percent(value),
                    percent(&interval["lower"]),
                    percent(&interval["upper"])
                ),
            };
            assert_eq!(text(&cell), expected, "{heading}");
            checked += 1;
        }
    }
    assert_eq!(checked, 6 * 8);
}

#[test]
fn the_table_of_attributes_holds_all_of_them() {
    let page = Page::new();
    let rows = page.all("#attributes-table tbody tr");
    let metrics = &page.evaluation.metrics.attributes;
    assert_eq!(rows.len(), metrics.len());
    let mut positives = Vec::new();
    for row in &rows {
        let cells: Vec<String> = within(row, "th, td").iter().map(text).collect();
        let found = metrics
            .iter()
            .find(|it| it.attribute_id == cells[1])
            .unwrap();
        let share = |value: Option<f64>| match value {
            Some(value) => format!("{:.1}", value * 100.0),
            None => "–".to_owned(),
        };
        assert_eq!(cells[2], found.kind.as_deref().unwrap_or("–"));
        let counts = [
            u64::from(found.training_jobs.unwrap()),
            found.positives,
            found.decided,
            found.true_positives,
            found.false_positives,
            found.false_negatives,
        ];
        assert_eq!(cells[3..9], counts.map(|count| count.to_string()));
        let shares = [
            found.precision,
            found.recall,
            Some(found.f1),
            found.average_precision,
        ];
        assert_eq!(cells[9..], shares.map(share));
        positives.push(found.positives);
    }
    // As the heading says without the script.
    assert!(positives.is_sorted_by(|a, b| a >= b));
    let sorted = page.all("#attributes-table th[aria-sort]");
    assert_eq!(sorted.iter().map(text).collect::<Vec<_>>(), ["Positives"]);
}

#[test]
fn what_is_not_known_has_no_column_and_no_chart_of_its_own() {
    let mut setting = Setting::new();
    setting.definitions.iter_mut().for_each(|it| it.kind = None);
    setting
        .labels
        .retain(|label| !label.job_id.starts_with("train"));
    let decision = dev_decision(&setting, None);
    let evaluation = setting
        .run(Split::Golden, None, How::Apply(&decision), &config())
        .unwrap();
    let page = Page::of(evaluation);
    let headings: Vec<String> = page
        .all("#attributes-table thead th")
        .iter()
        .map(text)
        .collect();
    assert_eq!(headings[..3], ["Attribute", "Id", "Positives"]);
    assert!(page.all("#attributes-kind").is_empty());
    assert_eq!(page.all("#slices-table tbody").len(), 1);
    assert_eq!(page.html.errors, Vec::<String>::new());
}
