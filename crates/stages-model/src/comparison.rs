//! A comparison of two evaluations, for a terminal and for a spreadsheet.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use jobmatch_evaluation::{ChangedJob, Compared, Comparison};

/// The comparison as lines of text: the measures in percent, then `show` jobs of the greatest losses and as many of the greatest gains.
pub fn shown(comparison: &Comparison, show: usize) -> String {
    let Comparison {
        systems: [a, b],
        jobs,
        groups,
        only_in,
        better,
        worse,
        same,
        ..
    } = comparison;
    let mut text = format!("A: {a}   B: {b}   {jobs} jobs, {groups} groups\n");
    if only_in != &[0, 0] {
        let _ = writeln!(
            text,
            "left out: {} jobs that only A has, {} that only B has",
            only_in[0], only_in[1]
        );
    }
    let _ = writeln!(
        text,
        "\n{:<18} {:>7} {:>7} {:>7}  {:<16} {:>7}",
        "percent", "A", "B", "B - A", "95 % interval", "p"
    );
    for compared in &comparison.measures {
        text.push_str(&line(compared));
    }
    let _ = writeln!(
        text,
        "\nR-precision@5: {better} jobs better, {worse} worse, {same} the same"
    );
    let with = |sign: f64| {
        let changed = comparison.changed.iter();
        changed.filter(move |job| job.difference() * sign > 0.0)
    };
    let losses = with(-1.0).take(show).collect::<Vec<_>>();
    let gains = comparison.changed.iter().rev();
    let gains = gains
        .filter(|job| job.difference() > 0.0)
        .take(show)
        .collect::<Vec<_>>();
    for (heading, jobs) in [("greatest losses", losses), ("greatest gains", gains)] {
        if !jobs.is_empty() {
            let _ = writeln!(text, "\n{heading}");
            jobs.iter().for_each(|job| text.push_str(&changed(job)));
        }
    }
    text
}

fn line(compared: &Compared) -> String {
    let percent = |value: f64| format!("{:.1}", 100.0 * value);
    let signed = |value: f64| format!("{:+.1}", 100.0 * value);
    let interval = compared.interval.map_or_else(String::new, |interval| {
        format!("{} to {}", signed(interval.lower), signed(interval.upper))
    });
    let p_value = compared
        .p_value
        .map_or_else(String::new, |p_value| match p_value < 0.001 {
            true => "< .001".to_owned(),
            false => format!("{p_value:.3}"),
        });
    format!(
        "{:<18} {:>7} {:>7} {:>7}  {interval:<16} {p_value:>7}\n",
        compared.measure,
        percent(compared.a),
        percent(compared.b),
        signed(compared.difference),
    )
}

fn changed(job: &ChangedJob) -> String {
    let percent = |value: Option<f64>| format!("{:.0}", 100.0 * value.unwrap_or(0.0));
    let mut text = format!(
        "  {:>3} -> {:>3}  {}  {}\n",
        percent(job.a),
        percent(job.b),
        job.job_id,
        job.title.as_deref().unwrap_or_default()
    );
    for (what, attributes) in [
        ("found", &job.found),
        ("lost", &job.lost),
        ("wrongly added", &job.wrong),
        ("rightly dropped", &job.dropped),
    ] {
        if !attributes.is_empty() {
            let _ = writeln!(text, "              {what}: {}", some(attributes));
        }
    }
    text
}

/// Attributes that a line names.
const NAMED: usize = 4;

fn some(attributes: &[String]) -> String {
    let named: Vec<&str> = attributes.iter().take(NAMED).map(String::as_str).collect();
    let more = match attributes.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; {more} more"),
    };
    format!("{}{more}", named.join("; "))
}

/// Writes the changed jobs as CSV, lists with ` | ` between.
///
/// # Errors
/// A file that cannot be written.
pub fn write_changed(path: &Path, comparison: &Comparison) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let mut writer = csv::Writer::from_path(path).with_context(failed)?;
    let header = [
        "job_id",
        "title",
        "r_precision_at_5_a",
        "r_precision_at_5_b",
        "found",
        "lost",
        "wrongly_added",
        "rightly_dropped",
    ];
    writer.write_record(header).with_context(failed)?;
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for job in &comparison.changed {
        let row = [
            job.job_id.clone(),
            job.title.clone().unwrap_or_default(),
            number(job.a),
            number(job.b),
            job.found.join(" | "),
            job.lost.join(" | "),
            job.wrong.join(" | "),
            job.dropped.join(" | "),
        ];
        writer.write_record(row).with_context(failed)?;
    }
    writer.flush().with_context(failed)
}
