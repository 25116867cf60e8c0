//! What cannot be used is refused, with what to do.
#![allow(clippy::unwrap_used)] // a test that unwraps fails where it should

mod common;

use common::{TEXT, job, label, of, positives_only, run};
use jobmatch_dataset::{Config, Inputs, SplitBy};
use jobmatch_records::Evidence;

#[test]
fn what_cannot_be_used_is_refused() {
    let check = |change: &dyn Fn(&mut Inputs, &mut Config), message: &str| {
        let mut inputs = of(
            vec![job("j", TEXT), job("k", "Éclairs we eat.")],
            vec![label("j", "sell", true, None)],
        );
        let mut config = positives_only();
        change(&mut inputs, &mut config);
        let error = run(&config, 1, &inputs).err().unwrap();
        assert_eq!(error.to_string(), message);
    };
    check(
        &|inputs, _| inputs.labels[0].job_id = "x".into(),
        "labels.csv, line 2: job_id `x` is not in the jobs; add it there, or remove the label",
    );
    check(
        &|inputs, _| inputs.labels[0].attribute_id = "x".into(),
        "labels.csv, line 2: attribute_id `x` is not in the definitions; add it there, or remove the label",
    );
    check(
        &|inputs, _| inputs.jobs[1].job_id = "j".into(),
        "job_id `j` stands more than once; ids must be unique",
    );
    check(
        &|inputs, _| inputs.definitions[1].attribute_id = "sell".into(),
        "attribute_id `sell` stands more than once; ids must be unique",
    );
    check(
        &|inputs, _| inputs.definitions[3].name = "  ".into(),
        "attribute `dance`: the template `{name}: {definition}` makes an empty passage; fill in the definition, or choose another \
         template",
    );
    let long = Evidence::Span { start: 3, end: 999 };
    check(
        &|inputs, _| inputs.labels[0].evidence = Some(long.clone()),
        "labels.csv, line 2: the evidence of job `j` and attribute `sell` is bytes 3 to 999, which is past the end; \
         start and end are byte offsets in the job's text of 88 bytes, end not included",
    );
    check(
        &|inputs, _| {
            inputs.labels[0].job_id = "k".into();
            inputs.labels[0].evidence = Some(Evidence::Span { start: 1, end: 4 });
        },
        "labels.csv, line 2: the evidence of job `k` and attribute `sell` is bytes 1 to 4, which cuts a character in \
         two (are they counted in characters?); start and end are byte offsets in the job's text of 16 bytes, end \
         not included",
    );
    check(
        &|_, config| config.split_by = SplitBy::Column,
        "job `j` has no split; fill in the column, or set split_by to `auto`",
    );
    check(
        &|inputs, _| inputs.labels[0].label = false,
        "no positive pair is left for training: jobs: 2 in, 2 out; labels: 1 in, 1 out; placed: 1 in, 1 out; \
         pairs: 1 in, 1 out",
    );
}
