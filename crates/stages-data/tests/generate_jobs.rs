//! `jobmatch-generate-jobs` as it is run, on a few invented occupations.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::collections::{BTreeMap, HashSet};

use common::Place;
use jobmatch_onet::{GenerateConfig, GeneratedJob, Generator, Occupations};
use jobmatch_records::{
    Evidence, Job, Label, ReadOptions, check_labels, read_definitions, read_jobs, read_labels,
};

const PROGRAM: &str = "jobmatch-generate-jobs";
const ARGUMENTS: &str = "--tasks tasks.csv --occupations occupations.txt --output";
const FILES: [&str; 5] = [
    "README.md",
    "definitions.tsv",
    "jobs.csv",
    "labels.csv",
    "report.json",
];

/// Twelve occupations of eight tasks, each task of words of its own.
fn place_with_sources() -> Place {
    let place = Place::new();
    let mut tasks =
        "O*NET-SOC Code,Title,Task ID,Task,DWA ID,DWA Title,Date,Domain Source,GWA\n".to_owned();
    let mut occupations = "O*NET-SOC Code\tTitle\tDescription\n".to_owned();
    for n in 0..12 {
        let code = format!("{}-1011.00", 11 + 2 * n);
        occupations.push_str(&format!("{code}\tMakers {n}\tMake \"{n}\".\n"));
        for k in 0..8 {
            let words: Vec<String> = (0..12).map(|word| format!("word{n}x{k}x{word}")).collect();
            for activity in [k, 8 + n] {
                tasks.push_str(&format!(
                    "{code},Makers {n},{n}{k},\"Make, mend and sell {}.\",4.A.1.a.1.I01.D{activity:02},Do {activity}.,01/2020,Analyst,4.A.1.a.1\n",
                    words.join(" ")
                ));
            }
        }
    }
    place.write("tasks.csv", tasks);
    place.write("occupations.txt", occupations);
    place
}

/// Runs the program; its folder is `name`.
fn make(place: &Place, name: &str, arguments: &str) -> (Vec<Job>, Vec<Label>) {
    place
        .run(PROGRAM, &format!("{ARGUMENTS} {name} {arguments}"))
        .success();
    let path = |file: &str| place.path(name).join(file);
    let options = ReadOptions::default();
    let (jobs, _) = read_jobs(&path("jobs.csv"), &options).unwrap();
    let (labels, _) = read_labels(&[path("labels.csv")], &options).unwrap();
    (jobs, labels)
}

/// The same jobs from the library, which tells what each is a copy of.
fn jobs_of(place: &Place, config: &GenerateConfig) -> Vec<GeneratedJob> {
    let paths = ["tasks.csv", "occupations.txt"].map(|name| place.path(name));
    let source = Occupations::read(&paths[0], &paths[1]).unwrap();
    let generator = Generator::new(&source, config, 42).unwrap();
    (0..config.jobs)
        .map(|number| generator.job(number))
        .collect()
}

/// Jaccard similarity of the sets of three-word shingles.
fn similarity(a: &str, b: &str) -> f64 {
    let [a, b] = [a, b].map(|text| {
        let words: Vec<String> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        words.windows(3).map(<[_]>::to_vec).collect::<HashSet<_>>()
    });
    let shared = a.intersection(&b).count();
    shared as f64 / (a.len() + b.len() - shared) as f64
}

/// The text without white space and what stands before the items of a list.
fn without_layout(text: &str) -> String {
    let lines = text.lines().map(|line| jobmatch_segment::clean(line).text);
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

#[test]
fn its_files_are_input_files_with_exact_evidence() {
    let place = place_with_sources();
    let (jobs, labels) = make(&place, "out", "--jobs 300");
    let definitions = place.path("out").join("definitions.tsv");
    let definitions = read_definitions(&definitions, &ReadOptions::default()).unwrap();
    assert_eq!((jobs.len(), definitions.len()), (300, 20));
    let by_id: BTreeMap<&str, &Job> = jobs.iter().map(|job| (job.job_id.as_str(), job)).collect();
    let known: HashSet<&str> = definitions
        .iter()
        .map(|one| one.attribute_id.as_str())
        .collect();
    check_labels(&labels, &by_id.keys().copied().collect(), &known).unwrap();
    assert!(jobs.iter().all(|job| job.group_id.is_none()));

    let mut shown = 0;
    for label in &labels {
        let Some(Evidence::Span { start, end }) = label.evidence else {
            continue;
        };
        shown += 1;
        let task = &by_id[label.job_id.as_str()].text[start as usize..end as usize];
        let whole = task.starts_with("Make, mend and sell word") && task.ends_with('.');
        assert!(whole && task.matches("Make").count() == 1, "{task}");
    }
    let share = f64::from(shown) / labels.len() as f64;
    assert!((0.4..0.6).contains(&share), "{share}");
    let words: usize = jobs
        .iter()
        .map(|job| job.text.split_whitespace().count())
        .sum();
    assert!((100..150).contains(&(words / 300)), "{}", words / 300);

    let again = place.run(PROGRAM, &format!("{ARGUMENTS} out --jobs 300"));
    assert!(again.success().stderr.contains("done already"));
}

#[test]
fn threads_and_the_number_of_jobs_change_no_job() {
    let place = place_with_sources();
    // More than one batch.
    let many = "--jobs 9000 --near-copies 0.2 --groups 0.5";
    make(&place, "one", &format!("{many} --threads 1"));
    make(&place, "four", &format!("{many} --threads 4"));
    for file in FILES {
        let (one, four) = (format!("one/{file}"), format!("four/{file}"));
        assert!(place.read(&one) == place.read(&four), "{file} differs");
    }

    let (few, few_labels) = make(&place, "few", "--jobs 100");
    let (more, more_labels) = make(&place, "more", "--jobs 1000");
    assert_eq!(few, more[..100]);
    assert_eq!(few_labels, more_labels[..few_labels.len()]);
    let (other, _) = make(&place, "other", "--jobs 100 --seed 7");
    assert_ne!(few, other);
}

#[test]
fn copies_are_copies_and_other_jobs_are_not() {
    let place = place_with_sources();
    let (written, labels) = make(&place, "out", "--jobs 600 --near-copies 0.2 --copies 0.1");
    let config = GenerateConfig {
        jobs: 600,
        near_copies: 0.2,
        copies: 0.1,
        ..GenerateConfig::default()
    };
    let jobs = jobs_of(&place, &config);
    assert!(
        jobs.iter()
            .map(|job| &job.text)
            .eq(written.iter().map(|job| &job.text))
    );
    let of_jobs: usize = jobs.iter().map(|job| job.labels.len()).sum();
    assert_eq!(of_jobs, labels.len());

    let (mut copies, mut near_copies) = (0, 0);
    for (number, job) in jobs.iter().enumerate() {
        let Some(first) = job.copy_of else { continue };
        let first = &jobs[..number][first as usize];
        assert_eq!(first.copy_of, None);
        assert_ne!(job.text, first.text);
        if job.is_near_copy {
            near_copies += 1;
            let similarity = similarity(&job.text, &first.text);
            assert!(
                (0.7..1.0).contains(&similarity),
                "{similarity}\n{}\n{}",
                job.text,
                first.text
            );
        } else {
            copies += 1;
            assert_eq!(without_layout(&job.text), without_layout(&first.text));
        }
    }
    assert!((80..160).contains(&near_copies), "{near_copies}");
    assert!((30..90).contains(&copies), "{copies}");
    let report: serde_json::Value = serde_json::from_str(&place.read("out/report.json")).unwrap();
    assert_eq!(report["near_copies"], near_copies);
    assert_eq!(report["copies"], copies);

    let own: Vec<&str> = jobs
        .iter()
        .filter(|job| job.copy_of.is_none())
        .map(|job| job.text.as_str())
        .take(150)
        .collect();
    for (at, job) in own.iter().enumerate() {
        for other in &own[..at] {
            let similarity = similarity(job, other);
            assert!(similarity < 0.7, "{similarity}\n{job}\n{other}");
        }
    }
}

#[test]
fn a_share_of_the_jobs_has_a_group() {
    let place = place_with_sources();
    let (jobs, _) = make(&place, "out", "--jobs 400 --groups 0.5 --near-copies 0.3");
    let groups = jobs.iter().filter_map(|job| job.group_id.as_deref());
    assert!(groups.clone().all(|group| group.ends_with("-1011.00")));
    assert!((150..250).contains(&groups.count()));
    let (all, _) = make(&place, "all", "--jobs 50 --groups 1");
    assert!(all.iter().all(|job| job.group_id.is_some()));
}

#[test]
fn bad_arguments_are_named_and_leave_nothing() {
    let place = place_with_sources();
    let cases = [
        ("--jobs 0", "setting `jobs`: must be at least 1"),
        ("--words 5", "setting `words`: must be at least 20, not 5"),
        (
            "--evidence 1.5",
            "setting `evidence`: must be a share from 0 to 1, not 1.5",
        ),
        (
            "--groups 2",
            "setting `groups`: must be a share from 0 to 1, not 2",
        ),
        (
            "--copies 0.5 --near-copies 0.6",
            "setting `copies`: with near_copies it is more than 1",
        ),
    ];
    for (arguments, message) in cases {
        place.refuses(PROGRAM, &format!("{ARGUMENTS} out {arguments}"), message);
    }
    place.refuses(
        PROGRAM,
        "--tasks none.csv --occupations occupations.txt --output out",
        "cannot read none.csv\n  because: No such file or directory (os error 2)",
    );
}
