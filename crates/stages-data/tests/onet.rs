//! `jobmatch-onet` as it is run, on a few invented occupations.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::collections::{BTreeMap, HashSet};

use common::Place;
use jobmatch_records::{
    Evidence, ReadOptions, Split, check_labels, read_definitions, read_jobs, read_labels,
};

const PROGRAM: &str = "jobmatch-onet";
const ARGUMENTS: &str = "--tasks tasks.csv --occupations occupations.txt --output out";
const TASKS: &str =
    "\u{feff}O*NET-SOC Code,Title,Task ID,Task,DWA ID,DWA Title,Date,Domain Source,GWA\n";
const OCCUPATIONS: &str = "O*NET-SOC Code\tTitle\tDescription\n";

/// Twelve occupations of eight tasks.
fn place_with_sources() -> Place {
    let place = Place::new();
    let (mut tasks, mut occupations) = (TASKS.to_owned(), OCCUPATIONS.to_owned());
    for n in 0..12 {
        let code = format!("{}-1011.00", 11 + 2 * n);
        occupations.push_str(&format!(
            "{code}\tMakers {n}\tMake things, \"{n}\". May rest.\n"
        ));
        for k in 0..8 {
            tasks.push_str(&format!(
                "{code},Makers {n},{n}{k},\"Make, mend and sell object{n}x{k}.\",4.A.1.a.1.I01.D{k:02},Do {k}.,01/2020,Analyst,4.A.1.a.1\n"
            ));
        }
    }
    place.write("tasks.csv", tasks);
    place.write("occupations.txt", occupations);
    place
}

#[test]
fn its_files_are_input_files_with_exact_evidence() {
    let place = place_with_sources();
    place.run(PROGRAM, ARGUMENTS).success();
    let path = |name: &str| place.path("out").join(name);
    let options = ReadOptions::default();
    let (jobs, _) = read_jobs(&path("jobs.csv"), &options).unwrap();
    let definitions = read_definitions(&path("definitions.tsv"), &options).unwrap();
    let (labels, _) =
        read_labels(&[path("labels.csv"), path("golden_labels.csv")], &options).unwrap();
    assert_eq!((jobs.len(), definitions.len()), (60, 8));
    let job_ids: HashSet<&str> = jobs.iter().map(|job| job.job_id.as_str()).collect();
    let attributes: HashSet<&str> = definitions
        .iter()
        .map(|one| one.attribute_id.as_str())
        .collect();
    check_labels(&labels, &job_ids, &attributes).unwrap();

    let by_id: BTreeMap<&str, _> = jobs.iter().map(|job| (job.job_id.as_str(), job)).collect();
    for label in &labels {
        let job = by_id[label.job_id.as_str()];
        let Some(Evidence::Span { start, end }) = label.evidence else {
            panic!("{label:?} has no span");
        };
        let task = &job.text[start as usize..end as usize];
        assert!(
            task.starts_with("Make, mend and sell object") && task.ends_with('.'),
            "{task}"
        );
        assert_eq!(
            job.split == Some(Split::Golden),
            label.source == "golden_labels.csv"
        );
    }
    for split in [Split::Train, Split::Dev, Split::Golden] {
        assert!(
            jobs.iter().any(|job| job.split == Some(split)),
            "no job in {split:?}"
        );
    }
    assert!(place.read("out/README.md").contains("CC BY 4.0"));

    let again = place.run(PROGRAM, ARGUMENTS).success();
    assert!(again.stderr.contains("done already"), "{}", again.stderr);
}

#[test]
fn bad_input_is_named_and_leaves_nothing() {
    let place = place_with_sources();
    place.refuses(
        PROGRAM,
        "--tasks none.csv --occupations occupations.txt --output out",
        "cannot read none.csv\n  because: No such file or directory (os error 2)",
    );
    place.refuses(
        PROGRAM,
        "--tasks occupations.txt --occupations occupations.txt --output out",
        "occupations.txt: no column `O*NET-SOC Code` (it has: O*NET-SOC Code\tTitle\tDescription); \
         expected the comma-separated table of O*NET tasks and detailed work activities (`Task_DWA.csv`)",
    );
    place.refuses(
        PROGRAM,
        &format!("{ARGUMENTS} --tasks-max 2"),
        "setting `tasks_max`: 2 is less than tasks_min, 5",
    );
    place.write("occupations.txt", "");
    place.refuses(
        PROGRAM,
        ARGUMENTS,
        "occupations.txt: the file holds no rows; \
         expected the tab-separated table of O*NET occupations (`Occupation Data.txt`)",
    );
    let twice = "11-1011.00\tMakers\tMake.\n".repeat(2);
    place.write("occupations.txt", format!("{OCCUPATIONS}{twice}"));
    place.refuses(
        PROGRAM,
        ARGUMENTS,
        "occupations.txt, line 3, column `O*NET-SOC Code`: \
         this occupation stood above already, got `11-1011.00`",
    );
}
