//! Alignment as run: what moves, what stays, the same bytes from two processes and after a kill, and that a second round of
//! training takes it.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use common::ranks::{end_well, killed_and_not, start};
use common::{place_with_everything, published, rows, write_sentences};
use jobmatch_biencoder::BiEncoder;
use jobmatch_records::{Kind, Pair, PairSource, Positive, Sentence};

const PROGRAM: &str = "jobmatch-align";
const ALIGN: &str =
    "--dataset dataset --sentences sentences --model bi --definitions definitions.tsv --quiet";

#[test]
fn positives_without_evidence_go_to_the_sentence_the_model_picks() {
    let place = place_with_everything();
    let sentences = write_sentences(&place, |_| true);
    place
        .run(PROGRAM, &format!("{ALIGN} --output aligned"))
        .success();
    let (before, after) = (
        rows::<Pair>(&place, "dataset/train"),
        rows::<Pair>(&place, "aligned/train"),
    );
    assert_eq!(before.len(), after.len());
    let model = BiEncoder::load(place.path("bi").to_str().unwrap()).unwrap();
    let known = rows::<Positive>(&place, "aligned/positives");
    let (mut aligned, mut moved) = (0, 0);
    for (old, new) in before.iter().zip(&after) {
        if old.source != PairSource::Aligned {
            assert_eq!(old, new);
            continue;
        }
        aligned += 1;
        moved += usize::from(old.text != new.text);
        let of_job = || {
            sentences
                .iter()
                .filter(|each| each.job_id == new.job_id && !each.clean.is_empty())
        };
        let bodies: Vec<&Sentence> = of_job().filter(|each| each.kind != Kind::Heading).collect();
        let candidates = if bodies.is_empty() {
            of_job().collect()
        } else {
            bodies
        };
        let texts: Vec<&str> = candidates.iter().map(|each| each.clean.as_str()).collect();
        let vectors = model.embed_queries(&texts, &mut |_| {}).unwrap();
        let passage = model.embed_passages(&[&new.passage], &mut |_| {}).unwrap();
        let cosine = |row: usize| vectors.similarity(row, &passage, 0);
        let chosen = candidates
            .iter()
            .position(|each| Some(each.index) == new.sentence_index)
            .unwrap();
        assert_eq!(candidates[chosen].clean, new.text);
        assert_eq!(
            (Some(candidates[chosen].start), Some(candidates[chosen].end)),
            (new.start, new.end)
        );
        let best = (0..texts.len()).map(cosine).fold(f32::MIN, f32::max);
        assert!(
            (cosine(chosen) - best).abs() < 1e-5,
            "{} and {best}",
            cosine(chosen)
        );
        assert!((new.alignment_score.unwrap() - best).abs() < 1e-5);
        let digest = blake3::hash(new.text.as_bytes()).to_hex().to_string();
        assert!(
            known
                .iter()
                .any(|known| known.text_digest == digest && known.attribute_id == new.attribute_id)
        );
    }
    assert!(aligned > 10 && moved > 0, "{aligned} and {moved}");
    let train = "--model bi --definitions definitions.tsv --batch-size 8 --max-steps 2 --quiet";
    let train = format!("--dataset aligned --output second {train}");
    place.run("jobmatch-train-biencoder", &train).success();
}

#[test]
fn two_processes_and_a_killed_one_give_the_same_bytes() {
    let place = place_with_everything();
    write_sentences(&place, |_| true);
    killed_and_not(&place, PROGRAM, ALIGN, 1, 3);
    end_well(start(&place, PROGRAM, ALIGN, "shared", 2));
    assert!(published(&place.path("shared")) == published(&place.path("straight")));
}

#[test]
fn sentences_of_other_jobs_are_refused() {
    let place = place_with_everything();
    write_sentences(&place, |job_id| job_id != "J001");
    let ended = place.run(PROGRAM, &format!("{ALIGN} --output aligned"));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("job J001 has no sentences"),
        "{}",
        ended.stderr
    );
    assert!(!place.path("aligned").exists());
}
