//! Reads the two source files: tasks with their activities, and occupations with descriptions.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

use jobmatch_records::Definition;

use crate::activity;
use crate::error::{Error, Result};

const TASKS: &str =
    "comma-separated table of O*NET tasks and detailed work activities (`Task_DWA.csv`)";
const OCCUPATIONS: &str = "tab-separated table of O*NET occupations (`Occupation Data.txt`)";

/// What the source files hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Occupations {
    /// The activities, sorted by identifier.
    pub definitions: Vec<Definition>,
    /// The occupations that have tasks, sorted by code.
    pub occupations: Vec<Occupation>,
    /// Occupations of the source without a task: nothing to make jobs of.
    pub without_tasks: usize,
}

/// An occupation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupation {
    /// O*NET-SOC code: `11-1011.00`.
    pub code: String,
    /// Its title: `Chief Executives`.
    pub title: String,
    /// A few sentences.
    pub description: String,
    /// Its tasks in the order of the source, each once.
    pub tasks: Vec<Task>,
}

/// A task of an occupation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
    /// One sentence.
    pub text: String,
    /// Identifiers of its activities, sorted, each once.
    pub activities: Vec<String>,
}

impl Occupations {
    /// Reads both files.
    ///
    /// # Errors
    /// A file that cannot be read, has no rows or lacks a column; a row with an empty or malformed
    /// value, with an unknown or repeated occupation, or that contradicts an earlier row. The error
    /// names file, line and column.
    pub fn read(tasks: &Path, occupations: &Path) -> Result<Self> {
        let mut by_code = read_occupations(occupations)?;
        let definitions = read_tasks(tasks, &mut by_code, occupations)?;
        let all = by_code.len();
        let occupations: Vec<Occupation> = by_code
            .into_values()
            .filter(|occupation| !occupation.tasks.is_empty())
            .collect();
        Ok(Occupations {
            definitions,
            without_tasks: all - occupations.len(),
            occupations,
        })
    }
}

fn read_occupations(path: &Path) -> Result<BTreeMap<String, Occupation>> {
    let mut table = Table::open(
        path,
        b'\t',
        OCCUPATIONS,
        ["O*NET-SOC Code", "Title", "Description"],
    )?;
    let mut by_code = BTreeMap::new();
    while let Some(row) = table.next()? {
        let code = row.code(0)?;
        let occupation = Occupation {
            code: code.to_owned(),
            title: row.text(1)?.to_owned(),
            description: row.text(2)?.to_owned(),
            tasks: Vec::new(),
        };
        match by_code.entry(code.to_owned()) {
            Entry::Vacant(slot) => slot.insert(occupation),
            Entry::Occupied(_) => return Err(row.refuse(0, "this occupation stood above already")),
        };
    }
    Ok(by_code)
}

/// Adds the tasks to their occupations; returns the activities.
fn read_tasks(
    path: &Path,
    by_code: &mut BTreeMap<String, Occupation>,
    occupations: &Path,
) -> Result<Vec<Definition>> {
    let mut table = Table::open(
        path,
        b',',
        TASKS,
        ["O*NET-SOC Code", "Task", "DWA ID", "DWA Title", "GWA"],
    )?;
    let mut activities: BTreeMap<String, (String, Definition)> = BTreeMap::new();
    // Where a task stands in its occupation: a wording that comes twice there is one task.
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    while let Some(row) = table.next()? {
        let code = row.code(0)?;
        let (text, id, title) = (row.text(1)?, row.text(2)?, row.text(3)?);
        match activities.entry(id.to_owned()) {
            Entry::Vacant(slot) => {
                let definition = activity::definition(id, title, row.field(4));
                slot.insert((title.to_owned(), definition));
            }
            Entry::Occupied(slot) if slot.get().0 != title => {
                let reason = format!("activity {id} was called `{}` above", slot.get().0);
                return Err(row.refuse(3, reason));
            }
            Entry::Occupied(_) => {}
        }
        let Some(occupation) = by_code.get_mut(code) else {
            let reason = format!("no such occupation in {}", occupations.display());
            return Err(row.refuse(0, reason));
        };
        let place = *places
            .entry((code.to_owned(), text.to_owned()))
            .or_insert_with(|| {
                occupation.tasks.push(Task {
                    text: text.to_owned(),
                    activities: Vec::new(),
                });
                occupation.tasks.len() - 1
            });
        let known = &mut occupation.tasks[place].activities;
        if let Err(at) = known.binary_search_by(|other| other.as_str().cmp(id)) {
            known.insert(at, id.to_owned());
        }
    }
    Ok(activities
        .into_values()
        .map(|(_, definition)| definition)
        .collect())
}

/// A delimited file whose wanted columns have been found.
struct Table<'a, const N: usize> {
    path: &'a Path,
    expected: &'static str,
    names: [&'static str; N],
    places: [usize; N],
    reader: csv::Reader<File>,
    record: csv::StringRecord,
    rows: u64,
}

impl<'a, const N: usize> Table<'a, N> {
    fn open(
        path: &'a Path,
        delimiter: u8,
        expected: &'static str,
        names: [&'static str; N],
    ) -> Result<Self> {
        let file = File::open(path).map_err(|source| Error::Io {
            action: "open it",
            path: path.to_owned(),
            source,
        })?;
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            // O*NET's tab-separated files have no quoting.
            .quoting(delimiter != b'\t')
            .from_reader(file);
        let bad = |source| Error::Csv {
            path: path.to_owned(),
            expected,
            source,
        };
        let header = reader.headers().map_err(bad)?.clone();
        if header.is_empty() {
            return Err(Error::Empty {
                path: path.to_owned(),
                expected,
            });
        }
        let mut places = [0; N];
        for (place, name) in places.iter_mut().zip(names) {
            *place = header
                .iter()
                .position(|found| found.trim() == name)
                .ok_or_else(|| Error::Column {
                    path: path.to_owned(),
                    column: name,
                    found: header.iter().map(str::to_owned).collect(),
                    expected,
                })?;
        }
        Ok(Table {
            path,
            expected,
            names,
            places,
            reader,
            record: csv::StringRecord::new(),
            rows: 0,
        })
    }

    fn next(&mut self) -> Result<Option<Row<'_, N>>> {
        let more = self
            .reader
            .read_record(&mut self.record)
            .map_err(|source| Error::Csv {
                path: self.path.to_owned(),
                expected: self.expected,
                source,
            })?;
        if more {
            self.rows += 1;
            return Ok(Some(Row { table: self }));
        }
        if self.rows == 0 {
            return Err(Error::Empty {
                path: self.path.to_owned(),
                expected: self.expected,
            });
        }
        Ok(None)
    }
}

/// The row that was read last.
struct Row<'a, const N: usize> {
    table: &'a Table<'a, N>,
}

impl<const N: usize> Row<'_, N> {
    fn field(&self, column: usize) -> &str {
        let table = self.table;
        table.record.get(table.places[column]).unwrap_or("").trim()
    }

    /// A value that must be there, and on one line: it becomes a line of a job or a cell of a
    /// table without quoting.
    fn text(&self, column: usize) -> Result<&str> {
        let value = self.field(column);
        if value.is_empty() {
            return Err(self.refuse(column, "the value is empty"));
        }
        if value.contains(['\n', '\r', '\t']) {
            return Err(self.refuse(column, "a value must not hold a line break or tab"));
        }
        Ok(value)
    }

    /// An O*NET-SOC code, `11-1011.00`.
    fn code(&self, column: usize) -> Result<&str> {
        let value = self.field(column);
        let shape: String = value
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        if shape != "00-0000.00" {
            return Err(self.refuse(column, "expected a code such as 11-1011.00"));
        }
        Ok(value)
    }

    fn refuse(&self, column: usize, reason: impl Into<String>) -> Error {
        Error::Value {
            path: self.table.path.to_owned(),
            line: self.table.record.position().map_or(0, csv::Position::line),
            column: self.table.names[column],
            value: self.field(column).to_owned(),
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const HEADER: &str =
        "\u{feff}O*NET-SOC Code,Title,Task ID,Task,DWA ID,DWA Title,Date,Domain Source,GWA\n";
    const JOBS: &str = "O*NET-SOC Code\tTitle\tDescription\n51-3011.00\tBakers\tBake \"bread.\"\n11-1011.00\tChiefs\tLead.\n";

    /// Reads files of this content; errors without their folder, causes included.
    fn read(tasks: &str, occupations: &str) -> std::result::Result<Occupations, String> {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["tasks.csv", "occupations.txt"].map(|name| folder.path().join(name));
        fs::write(&paths[0], tasks).unwrap();
        fs::write(&paths[1], occupations).unwrap();
        Occupations::read(&paths[0], &paths[1]).map_err(|error| {
            use std::error::Error as _;
            let cause = error.source().map(|cause| format!(": {cause}"));
            format!("{error}{}", cause.unwrap_or_default())
                .replace(&format!("{}/", folder.path().display()), "")
        })
    }

    fn row(code: &str, task: &str, id: &str, title: &str) -> String {
        format!("{code},T,1,\"{task}\",{id},{title},07/2014,Analyst,4.A.1.a.1\n")
    }

    #[test]
    fn tasks_are_merged_by_wording() {
        let tasks = [
            HEADER.to_owned(),
            row("51-3011.00", "Mix, knead.", "D2", "Knead."),
            row("51-3011.00", "Bake.", "D1", "Bake."),
            row("51-3011.00", "Mix, knead.", "D1", "Bake."),
        ]
        .concat();
        let read = read(&tasks, JOBS).unwrap();
        assert_eq!(read.without_tasks, 1);
        assert_eq!(read.definitions.len(), 2);
        let bakers = &read.occupations[0];
        assert_eq!(bakers.description, "Bake \"bread.\"");
        assert_eq!(bakers.tasks.len(), 2);
        assert_eq!(bakers.tasks[0].text, "Mix, knead.");
        assert_eq!(bakers.tasks[0].activities, ["D1", "D2"]);
    }

    #[test]
    fn errors_name_file_line_and_column() {
        let good = row("51-3011.00", "Bake.", "D1", "Bake.");
        let cases = [
            (
                format!("{HEADER}{good}{}", row("51-3011", "Bake.", "D1", "Bake.")),
                JOBS.to_owned(),
                "tasks.csv, line 3, column `O*NET-SOC Code`: expected a code such as 11-1011.00, got `51-3011`",
            ),
            (
                format!("{HEADER}{}", row("51-3011.00", " ", "D1", "Bake.")),
                JOBS.to_owned(),
                "tasks.csv, line 2, column `Task`: the value is empty, got ``",
            ),
            (
                format!("{HEADER}{}", row("99-3011.00", "Bake.", "D1", "Bake.")),
                JOBS.to_owned(),
                "tasks.csv, line 2, column `O*NET-SOC Code`: no such occupation in occupations.txt, got `99-3011.00`",
            ),
            (
                format!(
                    "{HEADER}{good}{}",
                    row("51-3011.00", "Bake.", "D1", "Boil.")
                ),
                JOBS.to_owned(),
                "tasks.csv, line 3, column `DWA Title`: activity D1 was called `Bake.` above, got `Boil.`",
            ),
            (
                format!("{HEADER}{good}"),
                format!("{JOBS}11-1011.00\tChiefs\tLead.\n"),
                "occupations.txt, line 4, column `O*NET-SOC Code`: this occupation stood above already, got `11-1011.00`",
            ),
            (
                HEADER.to_owned(),
                JOBS.to_owned(),
                "tasks.csv: the file holds no rows; expected the comma-separated table of O*NET tasks and detailed work activities (`Task_DWA.csv`)",
            ),
            (
                format!("{HEADER}{good}"),
                String::new(),
                "occupations.txt: the file holds no rows; expected the tab-separated table of O*NET occupations (`Occupation Data.txt`)",
            ),
            (
                format!("{HEADER}{good}"),
                "code\tTitle\n".to_owned(),
                "occupations.txt: no column `O*NET-SOC Code` (it has: code, Title); expected the tab-separated table of O*NET occupations (`Occupation Data.txt`)",
            ),
        ];
        for (tasks, occupations, expected) in cases {
            assert_eq!(read(&tasks, &occupations).unwrap_err(), expected);
        }
        let error = read(&format!("{HEADER}51-3011.00,Bakers\n"), JOBS).unwrap_err();
        assert!(error.contains("line: 2"), "{error}");
    }
}
