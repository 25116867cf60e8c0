//! From source files to written files, on a small country of invented occupations.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use jobmatch_onet::{ATTRIBUTION, Config, Occupations, OnetJob, Prepared, Source, prepare};
use jobmatch_records::Split;

const VERBS: [&str; 6] = ["Clean", "Repair", "Measure", "Paint", "Record", "Sort"];
const THINGS: [&str; 9] = [
    "boats", "lamps", "maps", "clocks", "tents", "pipes", "letters", "ropes", "stamps",
];
/// Writes 60 occupations with 12 tasks each. Neighbors share a task, or nearly.
fn write_sources(folder: &Path) -> [std::path::PathBuf; 2] {
    let mut tasks = String::from(
        "\u{feff}O*NET-SOC Code,Title,Task ID,Task,DWA ID,DWA Title,Date,Domain Source,GWA\n",
    );
    let mut occupations = String::from("O*NET-SOC Code\tTitle\tDescription\n");
    for n in 0..60 {
        let code = format!("{}-{}011.0{}", 11 + n / 10, n / 2 % 9, n % 2);
        occupations.push_str(&format!(
            "{code}\tWorkers {n}\tDo work of kind {n}. May rest.\n"
        ));
        for k in 0..12 {
            let place = n * 11 + k;
            let (verb, thing) = (place % 6, place / 6 % 9);
            let ending = if place % 5 == 0 && k == 0 {
                " again"
            } else {
                ""
            };
            for activity in [verb * 9 + thing, 54 + verb] {
                tasks.push_str(&format!(
                    "{code},Workers {n},{place},\"{} {}, lot {place}: rows a{place}, b{place} and c{place}{ending}.\",4.A.1.a.1.I01.D{activity:02},Do {activity}.,07/2014,Analyst,4.A.1.a.1\n",
                    VERBS[verb], THINGS[thing]
                ));
            }
        }
    }
    let paths = ["tasks.csv", "occupations.txt"].map(|name| folder.join(name));
    fs::write(&paths[0], tasks).unwrap();
    fs::write(&paths[1], occupations).unwrap();
    paths
}

fn prepared(seed: u64) -> Prepared {
    let folder = tempfile::tempdir().unwrap();
    let [tasks, occupations] = write_sources(folder.path());
    let source = Occupations::read(&tasks, &occupations).unwrap();
    prepare(&source, &Config::default(), seed).unwrap()
}

/// Every task line of every split, as its set of words.
fn task_lines(data: &Prepared) -> Vec<(Split, BTreeSet<String>)> {
    let jobs: BTreeMap<&str, &OnetJob> = data
        .jobs
        .iter()
        .map(|job| (job.job_id.as_str(), job))
        .collect();
    let lines: BTreeSet<(String, &str)> = data
        .labels
        .iter()
        .map(|label| {
            let text = &jobs[label.job_id.as_str()].text[label.start..label.end];
            (format!("{:?}", label.split), text)
        })
        .collect();
    let split = |name: &str| match name {
        "Train" => Split::Train,
        "Dev" => Split::Dev,
        _ => Split::Golden,
    };
    let words = |line: &str| {
        line.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    lines
        .into_iter()
        .map(|(name, line)| (split(&name), words(line)))
        .collect()
}

#[test]
fn no_task_nor_a_near_copy_stands_in_two_splits() {
    let data = prepared(42);
    assert!(data.report.tasks_dropped_as_copies > 0, "{:?}", data.report);
    let lines = task_lines(&data);
    for (at, (split, words)) in lines.iter().enumerate() {
        for (other_split, other) in &lines[at + 1..] {
            if split != other_split {
                let shared = words.intersection(other).count();
                let all = words.union(other).count();
                assert!(5 * shared < 4 * all, "{words:?} and {other:?}");
            }
        }
    }
}

#[test]
fn every_split_has_jobs_and_every_label_its_task() {
    let data = prepared(42);
    let report = &data.report;
    for split in [&report.train, &report.dev, &report.golden] {
        assert!(split.profiles > 0 && split.label_rows > 0, "{report:?}");
        assert_eq!(split.postings, 4 * split.profiles);
    }
    assert!(report.train.profiles > report.golden.profiles);
    assert!(report.golden.profiles > report.dev.profiles);

    let jobs: BTreeMap<&str, &OnetJob> = data
        .jobs
        .iter()
        .map(|job| (job.job_id.as_str(), job))
        .collect();
    let known: BTreeSet<&str> = data
        .definitions
        .iter()
        .map(|one| one.attribute_id.as_str())
        .collect();
    assert_eq!(jobs.len(), data.jobs.len(), "a job_id stands twice");
    let mut labelled = BTreeSet::new();
    for label in &data.labels {
        let job = jobs[label.job_id.as_str()];
        let task = &job.text[label.start..label.end];
        assert!(VERBS.iter().any(|verb| task.starts_with(verb)), "{task}");
        assert!(task.ends_with('.') && !task.contains('\n'), "{task}");
        assert_eq!(label.split, job.split);
        assert!(known.contains(label.attribute_id.as_str()));
        labelled.insert(label.job_id.as_str());
    }
    assert_eq!(labelled.len(), jobs.len());

    let mut splits: BTreeMap<&str, Split> = BTreeMap::new();
    for job in &data.jobs {
        let split = *splits.entry(&job.group_id).or_insert(job.split);
        assert_eq!(split, job.split, "group {} is torn", job.group_id);
        assert_eq!(job.source == Source::Profile, job.job_id.ends_with("-p0"));
    }
}

#[test]
fn the_same_seed_writes_the_same_bytes() {
    let written = |seed| {
        let folder = tempfile::tempdir().unwrap();
        prepared(seed).write(folder.path()).unwrap();
        Prepared::FILES.map(|name| fs::read_to_string(folder.path().join(name)).unwrap())
    };
    let first = written(42);
    assert_eq!(first, written(42));
    assert_ne!(first, written(43));

    let [definitions, jobs, labels, golden, readme] = first;
    assert!(definitions.starts_with("attribute_id\tkind\tname\tdefinition\n4.A.1.a.1.I01.D00\tdetailed_activity\tDo 0\tDo 0. General activity: Getting Information.\n"));
    assert!(jobs.starts_with("job_id,split,group_id,source,title,text\n11-0011.00-p0,"));
    assert!(jobs.contains(",profile,") && jobs.contains(",golden,"));
    assert!(labels.starts_with("job_id,attribute_id,start,end\n"));
    assert!(golden.starts_with("job_id,attribute_id,start,end\n"));
    assert!(readme.contains(ATTRIBUTION));
}
