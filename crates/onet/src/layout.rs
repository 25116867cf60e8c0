//! Puts tasks on a page: the plain profile, and postings in the layouts that job ads come in.
//!
//! Only the frame varies. A task's wording never does, so that its bytes can be its evidence.

use crate::draw::Draw;
use crate::source::{Occupation, Task};

/// A page, and where each task stands on it.
#[derive(Debug, Default)]
pub(crate) struct Page<'a> {
    pub text: String,
    /// Each shown task with the half-open range of its bytes in `text`, without its bullet.
    pub shown: Vec<(&'a Task, usize, usize)>,
}

/// How a list of tasks is set.
#[derive(Debug, Clone, Copy)]
enum List {
    /// Each on its own line after this mark.
    Mark(&'static str),
    /// `1` with this after the number.
    Numbers(&'static str),
    /// `a` with this after the letter.
    Letters(&'static str),
    /// One paragraph.
    Prose,
}

const LISTS: [List; 12] = [
    List::Mark("- "),
    List::Mark("• "),
    List::Mark("* "),
    List::Mark("– "),
    List::Mark("· "),
    List::Mark("  o "),
    List::Mark(""),
    List::Numbers(". "),
    List::Numbers(") "),
    List::Letters(") "),
    List::Prose,
    List::Prose,
];

const OPENINGS: [&str; 6] = [
    "Join our team.",
    "We have an opening for this role.",
    "This is a full-time position.",
    "An established employer is hiring.",
    "We are growing and would like to hear from you.",
    "Temporary to permanent, day shift.",
];

const HEADINGS: [&str; 12] = [
    "Responsibilities:",
    "Key Responsibilities",
    "WHAT YOU WILL DO",
    "What you'll do:",
    "Duties:",
    "Main duties",
    "MAIN DUTIES:",
    "Essential Functions",
    "Your role",
    "Job duties include:",
    "In this position you will:",
    "**Responsibilities**",
];

const SECOND_HEADINGS: [&str; 4] = [
    "You will also:",
    "Further duties:",
    "ADDITIONAL DUTIES",
    "Other responsibilities",
];

const OFFERS: [(&str, [&str; 2]); 5] = [
    (
        "What we offer:",
        [
            "Health insurance from the first day.",
            "Paid vacation and holidays.",
        ],
    ),
    (
        "Benefits",
        [
            "Retirement plan with employer match.",
            "Discounted public transport.",
        ],
    ),
    (
        "REQUIREMENTS",
        [
            "High school diploma or equivalent.",
            "Two years in a similar role.",
        ],
    ),
    (
        "You bring:",
        ["A friendly manner.", "Willingness to learn."],
    ),
    ("Details", ["Location: on site.", "Hours: 40 per week."]),
];

const CLOSINGS: [&str; 4] = [
    "Apply online today!",
    "We are an equal opportunity employer.",
    "Please send your resume by e-mail. No agencies.",
    "Questions? Call us between 9 a.m. and 5 p.m.",
];

/// An occupation's title, description and all its `tasks`.
pub(crate) fn profile<'a>(occupation: &Occupation, tasks: &[&'a Task]) -> Page<'a> {
    let mut page = Page::default();
    page.line(&occupation.title);
    page.line(&occupation.description);
    page.line("Tasks:");
    page.list(List::Mark("- "), tasks);
    page
}

/// A posting for an occupation that shows `tasks`, in a drawn layout.
pub(crate) fn posting<'a>(
    occupation: &Occupation,
    tasks: &[&'a Task],
    draw: &mut Draw,
) -> Page<'a> {
    let mut page = Page::default();
    let airy = draw.chance(40);
    let title = &occupation.title;
    page.line(&match draw.between(0, 9) {
        0 => format!("Job title: {title}"),
        1 => format!("Position: {title}"),
        2 => format!("Now hiring: {title}"),
        3 => title.to_uppercase(),
        _ => title.clone(),
    });
    page.gap(airy);
    if draw.chance(65) {
        page.line(first_sentence(&occupation.description));
    } else {
        page.line(draw.pick(&OPENINGS));
    }
    page.gap(airy);

    let list = draw.pick(&LISTS);
    let heading = draw.pick(&HEADINGS);
    // A paragraph can do without a heading.
    if !matches!(list, List::Prose) || draw.chance(40) {
        page.line(heading);
    }
    let second = if tasks.len() >= 6 && draw.chance(25) {
        draw.between(2, tasks.len() - 2)
    } else {
        0
    };
    let (last, first) = tasks.split_at(second);
    page.list(list, first);
    page.gap(airy);
    if !last.is_empty() {
        page.line(draw.pick(&SECOND_HEADINGS));
        page.list(list, last);
        page.gap(airy);
    }

    if draw.chance(45) {
        let (heading, lines) = draw.pick(&OFFERS);
        page.line(heading);
        for (number, line) in lines.iter().enumerate() {
            page.text.push_str(&list.mark(number));
            page.line(line);
        }
        page.gap(airy);
    }
    if draw.chance(45) {
        page.line(draw.pick(&CLOSINGS));
    }
    page
}

impl<'a> Page<'a> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn gap(&mut self, wanted: bool) {
        if wanted {
            self.text.push('\n');
        }
    }

    fn list(&mut self, list: List, tasks: &[&'a Task]) {
        for (number, task) in tasks.iter().enumerate() {
            if matches!(list, List::Prose) && number > 0 {
                self.text.push(' ');
            }
            self.text.push_str(&list.mark(number));
            let start = self.text.len();
            self.text.push_str(&task.text);
            self.shown.push((task, start, self.text.len()));
            if !matches!(list, List::Prose) {
                self.text.push('\n');
            }
        }
        if matches!(list, List::Prose) {
            self.text.push('\n');
        }
    }
}

impl List {
    /// What stands before the item with this number, from 0.
    fn mark(self, number: usize) -> String {
        match self {
            List::Mark(mark) => mark.to_owned(),
            List::Numbers(after) => format!("{}{after}", number + 1),
            List::Letters(after) => {
                let letter = (b'a'..=b'z').nth(number % 26).map_or('a', char::from);
                format!("{letter}{after}")
            }
            List::Prose => String::new(),
        }
    }
}

/// Up to the first period that a space and a capital follow, unless it ends an abbreviation such
/// as `U.S.`
fn first_sentence(text: &str) -> &str {
    let ends = text.match_indices(". ").find(|(at, _)| {
        let capital = text[at + 2..]
            .chars()
            .next()
            .is_some_and(char::is_uppercase);
        let mut before = text[..*at].chars().rev();
        let word = before.next().is_some_and(char::is_alphanumeric)
            && before.next().is_some_and(char::is_alphanumeric);
        capital && word
    });
    ends.map_or(text, |(at, _)| &text[..=at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occupation() -> Occupation {
        let task = |n: usize| Task {
            text: format!("Turn part {n} with care."),
            activities: vec!["D".to_owned()],
        };
        Occupation {
            code: "51-4034.00".to_owned(),
            title: "Turners".to_owned(),
            description: "Turn parts in the U.S. Army and elsewhere. May mill.".to_owned(),
            tasks: (1..=9).map(task).collect(),
        }
    }

    #[test]
    fn the_first_sentence_ends_where_it_ends() {
        for (text, expected) in [
            ("Lead. Excludes Chiefs.", "Lead."),
            ("In the U.S. Army. Or not.", "In the U.S. Army."),
            ("Bake bread", "Bake bread"),
            ("Use saws, e.g. Jigsaws. Cut.", "Use saws, e.g. Jigsaws."),
        ] {
            assert_eq!(first_sentence(text), expected);
        }
    }

    #[test]
    fn every_layout_shows_each_task_once_at_its_place() {
        let occupation = occupation();
        let tasks: Vec<&Task> = occupation.tasks.iter().collect();
        let mut layouts = std::collections::BTreeSet::new();
        for seed in 0..300 {
            let page = posting(&occupation, &tasks, &mut Draw::new(seed, "posting"));
            assert!(
                page.text.starts_with(|c: char| c.is_uppercase()),
                "{}",
                page.text
            );
            assert_eq!(page.shown.len(), tasks.len());
            for (task, start, end) in &page.shown {
                assert_eq!(&page.text[*start..*end], task.text);
                assert_eq!(page.text.matches(&task.text).count(), 1, "{}", page.text);
            }
            layouts.insert(page.text);
        }
        assert!(layouts.len() > 280, "{}", layouts.len());
    }
}
