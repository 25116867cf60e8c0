//! An index out of an older one, and folders whose files do not belong together.
#![allow(clippy::unwrap_used, reason = "a test's panic is its failure")]

#[allow(dead_code, unused_imports, reason = "each test file uses a part of it")]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jobmatch_evaluation::{
    ATTRIBUTES_FAISS, ATTRIBUTES_PARQUET, EmbeddedPassages, Error, INDEX_JSON, PassageIndex,
    Updated,
};
use jobmatch_records::{Definition, PassageTemplate};
use support::{Words, definition, definitions, index, vector};

fn quiet(_: jobmatch_evaluation::Step, _: usize, _: usize) {}

fn name_template() -> PassageTemplate {
    "{name}".parse().unwrap()
}

/// The bytes of the three files.
fn files(index: &PassageIndex) -> BTreeMap<&'static str, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    index.save(folder.path()).unwrap();
    [ATTRIBUTES_FAISS, ATTRIBUTES_PARQUET, INDEX_JSON]
        .into_iter()
        .map(|name| (name, fs::read(folder.path().join(name)).unwrap()))
        .collect()
}

fn named(names: &BTreeMap<u8, u8>) -> Vec<Definition> {
    let words = ["weld", "bake", "paint", "sell", "pipes", "bread"];
    names
        .iter()
        .map(|(id, name)| {
            let name = usize::from(*name);
            definition(
                &format!("A{id}"),
                &format!("{} {}", words[name % 6], words[name / 6 % 6]),
            )
        })
        .collect()
}

/// Up to 20 attributes, from ids and names that are few, so that two draws share some of both.
fn drawn(state: &mut u64) -> BTreeMap<u8, u8> {
    let mut next = |below: u64| {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((*state >> 33) % below) as u8
    };
    let count = 1 + next(20);
    (0..count).map(|_| (next(24), next(3))).collect()
}

/// A law, over 100 pairs of old and new definitions: attributes stay, change, come and go.
#[test]
fn an_updated_exact_index_is_the_one_built_anew_to_the_byte() {
    let embedder = Words::new("words");
    let template = name_template();
    let mut state = 1;
    let mut sums = [0; 3];
    for round in 0..100 {
        let (before, after) = (named(&drawn(&mut state)), named(&drawn(&mut state)));
        let (updated, counts) = index(&before, &embedder)
            .update(&after, &template, &embedder, &mut quiet)
            .unwrap();
        assert_eq!(
            files(&updated),
            files(&index(&after, &embedder)),
            "round {round}"
        );
        let kept = after.iter().filter(|new| before.contains(new)).count();
        let gone = |old: &&Definition| after.iter().all(|new| new.attribute_id != old.attribute_id);
        let expected = Updated {
            kept,
            embedded: after.len() - kept,
            removed: before.iter().filter(gone).count(),
        };
        assert_eq!(counts, expected, "round {round}");
        sums = [
            sums[0] + counts.kept,
            sums[1] + counts.embedded,
            sums[2] + counts.removed,
        ];
    }
    assert!(
        sums.iter().all(|sum| *sum > 10),
        "every case was drawn: {sums:?}"
    );
}

/// 64 attributes, of which one goes, one gets another text, and two come.
fn changed() -> Vec<Definition> {
    let mut changed = definitions();
    changed.remove(5);
    changed[10].name = "polish old lenses".to_owned();
    changed.push(definition("A03a", "tune pianos"));
    changed.push(definition("Z", "count sheep"));
    changed
}

#[test]
fn only_what_is_new_is_embedded() {
    let embedder = Words::new("words");
    let mut steps = Vec::new();
    let (updated, counts) = index(&definitions(), &embedder)
        .update(
            &changed(),
            &name_template(),
            &embedder,
            &mut |_, done, total| steps.push((done, total)),
        )
        .unwrap();
    assert_eq!(
        counts,
        Updated {
            kept: 62,
            embedded: 3,
            removed: 1
        }
    );
    assert_eq!(steps, [(0, 3), (3, 3)]);
    updated
        .check_definitions(&changed(), &name_template())
        .unwrap();

    let same = index(&definitions(), &embedder);
    let (_, counts) = same
        .update(&definitions(), &name_template(), &embedder, &mut quiet)
        .unwrap();
    assert_eq!(
        counts,
        Updated {
            kept: 64,
            embedded: 0,
            removed: 0
        }
    );

    let other = "do {name}".parse().unwrap();
    let (templated, counts) = index(&definitions(), &embedder)
        .update(&definitions(), &other, &embedder, &mut quiet)
        .unwrap();
    assert_eq!(
        counts,
        Updated {
            kept: 0,
            embedded: 64,
            removed: 0
        }
    );
    assert_eq!(templated.about().template, other);

    let refused = index(&definitions(), &embedder).update(
        &changed(),
        &other,
        &Words::new("other"),
        &mut quiet,
    );
    assert!(matches!(refused, Err(Error::ForeignIndex { .. })));
    let refused = index(&definitions(), &embedder).update(&[], &other, &embedder, &mut quiet);
    assert!(matches!(refused, Err(Error::NoDefinitions)));
}

/// One cell that is always visited: whatever is defined is found by its own text, under its own id, also from a file.
#[test]
fn an_index_of_cells_follows_through_updates_and_files() {
    let embedder = Words::new("words");
    let template = name_template();
    let build = |definitions: &[Definition], factory| {
        PassageIndex::build(definitions, &template, &embedder, factory, &mut quiet).unwrap()
    };
    let finds_all = |index: &PassageIndex, definitions: &[Definition]| {
        index.check_definitions(definitions, &template).unwrap();
        for definition in definitions {
            let hit = index
                .vectors()
                .search(&vector(&definition.name), 1)
                .unwrap()[0][0];
            let found = &index.attributes()[hit.row];
            assert_eq!(
                vector(&found.name),
                vector(&definition.name),
                "{}",
                definition.attribute_id
            );
        }
    };
    let (updated, counts) = build(&definitions(), "IVF1,Flat")
        .update(&changed(), &template, &embedder, &mut quiet)
        .unwrap();
    assert_eq!(
        counts,
        Updated {
            kept: 62,
            embedded: 3,
            removed: 1
        }
    );
    finds_all(&updated, &changed());

    let folder = tempfile::tempdir().unwrap();
    updated.save(folder.path()).unwrap();
    let loaded = PassageIndex::load(folder.path()).unwrap();
    assert_eq!(loaded.attributes(), updated.attributes());
    assert_eq!(loaded.attributes().last().unwrap().faiss_id, 66);
    finds_all(&loaded, &changed());
    let (again, _) = loaded
        .update(&definitions(), &template, &embedder, &mut quiet)
        .unwrap();
    finds_all(&again, &definitions());

    let mut more = definitions();
    more.push(definition("Z", "count sheep"));
    let (graph, _) = build(&definitions(), "HNSW8")
        .update(&more, &template, &embedder, &mut quiet)
        .unwrap();
    finds_all(&graph, &more);
    let refused = graph
        .update(&changed(), &template, &embedder, &mut quiet)
        .unwrap_err();
    let source = std::error::Error::source(&refused).unwrap().to_string();
    assert!(source.contains("build it anew"), "{source}");
}

#[test]
fn recall_is_measured_on_the_passages_themselves() {
    let embedder = Words::new("words");
    let embedded =
        EmbeddedPassages::embed(&definitions(), &name_template(), &embedder, &mut quiet).unwrap();
    let recall = |factory, sample, seed| {
        let index = embedded.index(factory).unwrap();
        embedder.asked.borrow_mut().clear();
        embedded
            .recall(&index, &embedder, sample, seed, &[1, 10, 100])
            .unwrap()
    };
    assert_eq!(
        recall("Flat", 20, 1),
        BTreeMap::from([(1, 1.0), (10, 1.0), (100, 1.0)])
    );
    let first = embedder.asked.borrow().clone();
    assert_eq!(first.len(), 20);
    recall("Flat", 20, 2);
    assert_ne!(*embedder.asked.borrow(), first, "another seed draws others");
    assert!(recall("HNSW8", 1000, 1)[&10] > 0.9);
    assert_eq!(embedder.asked.borrow().len(), 64);
    let cells = recall("IVF8,Flat", 1000, 1);
    assert!(cells[&100] < 1.0, "one cell of eight is visited: {cells:?}");
}

/// Files of one index put among those of another.
#[test]
fn files_of_several_indexes_are_told_apart() {
    let embedder = Words::new("words");
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, definitions: &[Definition]| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        index(definitions, &embedder).save(&path).unwrap();
        path
    };
    let (ours, other) = (save("ours", &definitions()), save("other", &changed()[1..]));
    assert_eq!(
        fs::metadata(ours.join(ATTRIBUTES_FAISS)).unwrap().len(),
        fs::metadata(other.join(ATTRIBUTES_FAISS)).unwrap().len()
    );
    let mixed = |file: &str, from: &Path| {
        let path = folder.path().join("mixed");
        fs::create_dir_all(&path).unwrap();
        for name in [ATTRIBUTES_FAISS, ATTRIBUTES_PARQUET, INDEX_JSON] {
            fs::copy(
                if name == file { from } else { &ours }.join(name),
                path.join(name),
            )
            .unwrap();
        }
        path
    };
    let message = |path: &Path| PassageIndex::load(path).unwrap_err().to_string();
    PassageIndex::load(&mixed("none", &other)).unwrap();
    let wrong = message(&mixed(ATTRIBUTES_PARQUET, &other));
    assert!(
        wrong.contains("attributes.parquet does not hold the passages that index.json"),
        "{wrong}"
    );
    assert!(message(&mixed(INDEX_JSON, &other)).contains("attributes.parquet does not hold"));

    let few = save("few", &definitions()[..3]);
    assert!(
        message(&mixed(ATTRIBUTES_PARQUET, &few))
            .contains("attributes.faiss has 64 rows, attributes.parquet 3")
    );
    assert!(
        message(&mixed(ATTRIBUTES_FAISS, &few))
            .contains("attributes.faiss has 3 rows, attributes.parquet 64")
    );

    let narrow = folder.path().join("narrow");
    fs::create_dir(&narrow).unwrap();
    let vectors = [1.0f32, 0.0].repeat(64);
    jobmatch_retrieval::VectorIndex::build(2, "Flat", &vectors)
        .unwrap()
        .save(&narrow.join(ATTRIBUTES_FAISS))
        .unwrap();
    assert!(
        message(&mixed(ATTRIBUTES_FAISS, &narrow))
            .contains("attributes.faiss has dimension 2, index.json says 64")
    );

    // The description of an index of another model, over the same passages.
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    index(&definitions(), &Words::new("other"))
        .save(&foreign)
        .unwrap();
    let loaded = PassageIndex::load(&mixed(INDEX_JSON, &foreign)).unwrap();
    let error = loaded.check_model(&embedder).unwrap_err().to_string();
    assert!(
        error.contains("made by the model other (64 numbers), and this is the model words"),
        "{error}"
    );

    // A description of before passages were digested is read as it is; one with fields of a later day is not.
    let path = mixed("none", &other);
    let text = fs::read_to_string(path.join(INDEX_JSON)).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json.as_object_mut().unwrap().remove("passages").unwrap();
    fs::write(path.join(INDEX_JSON), json.to_string()).unwrap();
    assert_eq!(PassageIndex::load(&path).unwrap().about().passages, None);
    json["schema_version"] = 2.into();
    fs::write(path.join(INDEX_JSON), json.to_string()).unwrap();
    assert!(message(&path).contains("schema version 2"));
    json["schema_version"] = 1.into();
    json["attributes"] = 63.into();
    fs::write(path.join(INDEX_JSON), json.to_string()).unwrap();
    assert!(message(&path).contains("index.json says 63"));
}

/// Ids that the vectors do not have.
#[test]
fn attributes_whose_numbers_are_not_the_vectors_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    index(&definitions(), &Words::new("words"))
        .save(folder.path())
        .unwrap();
    let path = folder.path().join(INDEX_JSON);
    let mut json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    json.as_object_mut().unwrap().remove("passages");
    fs::write(&path, json.to_string()).unwrap();
    let file = folder.path().join(ATTRIBUTES_PARQUET);
    let mut rows: Vec<jobmatch_records::IndexedAttribute> =
        jobmatch_records::read_all(&file).unwrap();
    rows.last_mut().unwrap().faiss_id = 99;
    let mut writer = jobmatch_records::ParquetWriter::create(&file).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
    let error = PassageIndex::load(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("differ in faiss_id") && error.contains("row 63 has id 99"),
        "{error}"
    );
}
