//! Matches for people: a block of lines for each job, as wide as the terminal.

use std::io::{self, Write};

use console::{Style, Term, measure_text_width, pad_str, truncate_str};
use jobmatch_records::{Job, Match};

/// Columns where standard output is no terminal.
const WIDTH: usize = 100;
/// Below so many columns a proof gets a line of its own.
const NARROW: usize = 120;
/// Before a name: the mark, and the score.
const BEFORE_NAME: usize = 11;
/// What stands where a text was cut.
const CUT: &str = "…";

/// How matches are shown.
#[derive(Debug, Clone)]
pub struct Table {
    threshold: f32,
    width: usize,
    coloured: bool,
}

impl Table {
    /// For standard output as it is: its width and colours, if it is a terminal that has them and `NO_COLOR` is not set.
    pub fn of_stdout(threshold: f32) -> Self {
        let terminal = Term::stdout();
        let width = terminal
            .size_checked()
            .map_or(WIDTH, |(_, columns)| usize::from(columns));
        Self {
            threshold,
            width: if terminal.is_term() { width } else { WIDTH },
            coloured: terminal.is_term() && terminal.features().colors_supported(),
        }
    }

    /// Shows a job: what was decided, and of what else is given that it was not.
    pub(super) fn write(
        &self,
        output: &mut impl Write,
        job: &Job,
        matches: &[Match],
    ) -> io::Result<()> {
        let title = job.title.as_deref().unwrap_or_default();
        let head = visible(&format!("{} {title}", job.job_id));
        self.line(output, &self.style().bold(), &head)?;
        let (decided, below) = matches.split_at(matches.partition_point(|row| row.decided));
        let threshold = self.threshold;
        let remark = match (decided, below) {
            ([], []) => Some("  no sentence to search with".to_owned()),
            ([], _) => Some(format!(
                "  nothing reaches the threshold {threshold:.3}; the nearest are"
            )),
            (_, []) => None,
            _ => Some(format!("  below the threshold {threshold:.3}")),
        };
        let longest = matches
            .iter()
            .map(|row| measure_text_width(&row.name))
            .max();
        let room = self.width.saturating_sub(BEFORE_NAME);
        let name_width = match self.width < NARROW {
            true => room,
            false => longest.unwrap_or_default().min(room * 2 / 5),
        };
        for row in decided {
            self.row(output, row, name_width)?;
        }
        if let Some(remark) = remark {
            self.line(output, &self.style().yellow(), &remark)?;
        }
        for row in below {
            self.row(output, row, name_width)?;
        }
        writeln!(output)
    }

    fn row(&self, output: &mut impl Write, row: &Match, name_width: usize) -> io::Result<()> {
        let (mark, style) = match row.decided {
            true => ('+', self.style().green()),
            false => ('-', self.style().dim()),
        };
        let score = style.apply_to(format!("{mark} {:>5.3}", row.score));
        let name = visible(&row.name);
        let name = pad_str(&name, name_width, console::Alignment::Left, Some(CUT));
        let sentence = visible(&row.sentence);
        if self.width < NARROW {
            writeln!(output, "  {score}  {}", name.trim_end())?;
            let indented = format!("{:BEFORE_NAME$}{sentence}", "");
            return self.line(output, &self.style().dim(), &indented);
        }
        let room = self.width.saturating_sub(BEFORE_NAME + name_width + 2);
        let sentence = truncate_str(&sentence, room, CUT);
        writeln!(
            output,
            "  {score}  {name}  {}",
            self.style().dim().apply_to(sentence)
        )
    }

    fn line(&self, output: &mut impl Write, style: &Style, text: &str) -> io::Result<()> {
        writeln!(
            output,
            "{}",
            style.apply_to(truncate_str(text.trim_end(), self.width, CUT))
        )
    }

    fn style(&self) -> Style {
        Style::new().force_styling(self.coloured)
    }
}

/// A text on one line, without what a terminal would obey.
fn visible(text: &str) -> String {
    let is_gap = |c: char| c.is_whitespace() || c.is_control();
    let words = text.split(is_gap).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::Given;

    fn row(rank: u32, score: f32, decided: bool) -> Match {
        Match {
            attribute_id: format!("A{rank}"),
            name: "Weld pipes and other things of metal".to_owned(),
            rank,
            score,
            bi_score: 0.5,
            cross_score: None,
            decided,
            sentence_start: 0,
            sentence_end: 9,
            sentence: "You weld\tpipes\n  \x1b[31mof 北京 and elsewhere, in all weathers, with your own tools."
                .to_owned(),
        }
    }

    fn shown(width: usize, coloured: bool, matches: &[Match]) -> String {
        let table = Table {
            threshold: 0.5,
            width,
            coloured,
        };
        let mut output = Vec::new();
        let mut job = Given::text("J1", String::new()).job;
        job.title = Some("Welder".to_owned());
        table.write(&mut output, &job, matches).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn a_line_for_each_match_and_none_wider_than_the_terminal() {
        let matches = [row(1, 0.987_6, true), row(2, 0.25, false)];
        assert_eq!(
            shown(60, false, &matches),
            "J1 Welder\n\
             \u{20} + 0.988  Weld pipes and other things of metal\n\
             \u{20}          You weld pipes [31mof 北京 and elsewhere, in all…\n\
             \u{20} below the threshold 0.500\n\
             \u{20} - 0.250  Weld pipes and other things of metal\n\
             \u{20}          You weld pipes [31mof 北京 and elsewhere, in all…\n\n"
        );
        assert!(shown(150, false, &matches).starts_with(
            "J1 Welder\n  + 0.988  Weld pipes and other things of metal  You weld pipes [31mof 北京"
        ));
        for width in [1, 12, 40, 60, 119, 120, 200] {
            for coloured in [false, true] {
                let text = shown(width, coloured, &matches);
                assert_eq!(text.contains("\x1b["), coloured);
                for line in text.lines().filter(|_| width >= 40) {
                    assert!(measure_text_width(line) <= width, "{width}: {line}");
                }
            }
        }
        let whole = shown(200, false, &matches);
        assert!(whole.contains("with your own tools.") && !whole.contains(CUT));
    }

    #[test]
    fn a_job_without_attributes_says_so() {
        let nearest = shown(80, false, &[row(1, 0.25, false)]);
        assert!(
            nearest.contains("  nothing reaches the threshold 0.500; the nearest are\n  - 0.250")
        );
        assert_eq!(
            shown(80, false, &[]),
            "J1 Welder\n  no sentence to search with\n\n"
        );
    }
}
